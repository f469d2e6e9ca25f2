"""Who a board is to the host, and when it becomes another."""

import json

from host.deploy.errors import DeployError
from host.deploy.firmware import is_model
from host.deploy.work import Work

# The secret is made anew where there is none; what the host said to the old one is void.
_FORGET = r"""
import esp32
_nvs = esp32.NVS('mpfleet')
for _n in ('secret', 'token', 'opened'):
    try:
        _nvs.erase_key(_n)
    except OSError:
        pass
_nvs.commit()
try:
    os.remove('/state/registration.json')
except OSError:
    pass
"""


def find(work: Work) -> None:
    """Read the board's id, after erasing its secret where it is to have another.

    Raises:
        DeployError: `no-model`.
    """
    if work.plan.new_identity:
        work.board.run(_FORGET)
    work.status = json.loads(work.board.run("from device.setup import status\nstatus()"))
    work.outcome.device = work.status["id"]
    if not (work.plan.model or is_model(work.status["model"])):
        detail = "the firmware does not say which board model it is for"
        raise DeployError("no-model", detail, "give --model, such as --model ESP32_GENERIC")
    work.say(f"device {work.status['id']}")


def token(work: Work) -> str | None:
    """What lets the board register as the user's; None where it needs nothing.

    Raises:
        DeployError: `not-agreed`, where another secret would take the place of the known one.
    """
    if not work.plan.claims:
        return None
    known = work.host.find_device(work.outcome.device)
    if not known or known["state"] in ("unclaimed", "retired"):
        return work.host.enrolment_token()
    if work.status.get("has_secret"):
        return None
    if not work.plan.new_identity:
        work.agree(f"The board has lost the secret by which the host knows {work.outcome.device}, "
                   "so a new one takes its place")  # fmt: skip
    return work.host.enrolment_token(work.outcome.device)
