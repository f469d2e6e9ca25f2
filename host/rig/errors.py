"""What can go wrong on a rig, each with a word."""

from host.builder.errors import ToolError


class RigError(ToolError):
    """The rig is not as it should be. `code` is a word, `detail` a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail

    def __str__(self) -> str:
        return f"{self.detail} ({self.code})"


class BoardBrokenError(RigError):
    """A board cannot be brought to where a scenario begins; it stays so for the session."""


class ScenarioError(RigError):
    """A board did not do what the scenario asks of it."""


class Skipped(Exception):  # noqa: N818 - no error
    """A scenario cannot be tried on this board; the text says what is missing."""


class Interrupted(Exception):  # noqa: N818 - no error
    """A person pressed Ctrl-C: what waits gives up."""
