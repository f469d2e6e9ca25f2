"""What a board is told: its host, whom to trust, its networks, its settings."""

import time
from base64 import b64encode
from typing import Any

from device.protocol import EPOCH_2000
from host.deploy import agent, identity, slot, trust
from host.deploy.work import Work


def apply(work: Work) -> None:
    """Hand the board what it is to know."""
    work.board.run(agent.apply(told(work, int(time.time()))))


def told(work: Work, now: int) -> dict[str, Any]:
    """The argument of device.setup.apply."""
    plan = work.plan
    model = {"model": plan.model} if plan.model else {}
    setup: dict[str, Any] = {
        "host": {
            "addresses": list(plan.addresses),
            "port": plan.port,
            "mqtt_port": plan.mqtt_port,
            "name": plan.fleet,
            **({"console": plan.console} if plan.console else {}),
        },
        "ca": b64encode(plan.ca_der).decode(),
        "floor": now - EPOCH_2000,
        "config": {"product": plan.product, **model, **plan.config},
    }
    if plan.wifi is not None:
        setup["wifi"] = [network._asdict() for network in plan.wifi]
    if plan.watchdog_s is not None:
        setup["watchdog_s"] = plan.watchdog_s
    if work.outcome.number is not None:
        setup |= {"active": slot.FIRST, "number": work.outcome.number}
    setup |= trust.told(work)
    if given := identity.token(work):
        setup["token"] = given
    return setup
