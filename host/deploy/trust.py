"""Whose approvals a board is to trust: the root that it holds, or the fleet's in its place."""

import hashlib
from base64 import b64encode
from typing import Any

from host.builder.errors import ToolError
from host.deploy.work import Work


def told(work: Work) -> dict[str, Any]:
    """What device.setup.apply is to know of it.

    Raises:
        DeployError: `not-agreed`, where the board trusts the approvers of another fleet.
    """
    if not work.plan.root:
        return {}
    given: dict[str, Any] = {"root": b64encode(work.plan.root).decode()}
    held = work.status.get("root")
    if held and not _is_ours(work, held):
        work.agree("The board trusts the approvers of another fleet; "
                   "from now on it trusts those of this one")  # fmt: skip
        given["replace_root"] = True
    return given


def _is_ours(work: Work, held: dict[str, Any]) -> bool:
    """Whether what the board holds is of this fleet's chain of roots."""
    if held["sha256"] == hashlib.sha256(work.plan.root).hexdigest():
        return True
    try:
        ours = work.host.metadata(f"{held['version']}.root.json")
    except ToolError as e:
        if e.code != "not-found":
            raise
        return False
    return bool(hashlib.sha256(ours).hexdigest() == held["sha256"])
