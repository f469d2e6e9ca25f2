"""How far an update is, of what the host says of a device. Pure."""

from typing import Any, NamedTuple

_OPEN = ("offered", "started")


class Standing(NamedTuple):
    """One device's newest update."""

    device: str
    label: str
    number: int | None
    state: str  # of the assignment; "none" without one
    step: str
    done: int
    total: int
    reason: str

    @property
    def has_ended(self) -> bool:
        """Nothing more will come."""
        return self.state not in _OPEN

    @property
    def is_good(self) -> bool:
        """It ended as it should."""
        return self.state in ("done", "none")

    @property
    def text(self) -> str:
        """The state in words."""
        if self.state == "none":
            return "no update assigned"
        words = [f"release {self.number}", self.state]
        words += [self.step] if self.step and not self.has_ended else []
        return " ".join(words) + (f" ({self.reason})" if self.reason else "")


def of(device: dict[str, Any]) -> Standing:
    """The standing of a device (SPEC section 11)."""
    assignment = device["assignment"]
    label = device["name"] or device["id"]
    if not assignment:
        return Standing(device["id"], label, None, "none", "", 0, 0, "")
    number, state = assignment["number"], assignment["state"]
    progress = device["progress"] or {}
    if progress.get("number") != number or state not in _OPEN:
        progress = {}
    return Standing(
        device["id"],
        label,
        number,
        state,
        progress.get("step") or "",
        progress.get("done") or 0,
        progress.get("total") or 0,
        assignment["reason"] or "",
    )


def is_open(device: dict[str, Any]) -> bool:
    """Whether an update of it is under way."""
    return not of(device).has_ended
