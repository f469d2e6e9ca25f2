"""The first start of a board that was set up, watched until it is online."""

from host import address
from host.deploy import agent
from host.deploy.errors import DeployError
from host.deploy.work import Work

_ONLINE = "link: online"  # what the runtime says once the host has answered and MQTT is up
# Words of the board (SPEC section 10), and what to do about them: the first that was said.
_ADVICE = (
    ("identity-conflict", "the host knows this board by another secret: --new-identity"),
    ("wrong-password", "the WiFi password is wrong: give it again with --wifi SSID:PASSWORD"),
    ("no-such-network", "the board hears no such WiFi: check the name; it hears 2.4 GHz only"),
    ("tls", "the board does not trust the host, or its clock is off: mpfleet login, deploy again"),
    ("refused-connection", "nothing listens where the board looks for the host: --host-address"),
    ("name-lookup", "the board cannot look the host's name up: give an address"),
    ("", "check WiFi name and password, and that boards reach the host's address"),
)


def watch(work: Work) -> None:
    """Reset the board, and see it come online.

    Raises:
        DeployError: `not-online`, with what it said last.
    """
    work.board.reset(agent.RESET)
    if work.plan.wifi is None and not work.status["has_wifi"]:
        console = address.public(work.plan.console, work.plan.addresses[0], work.plan.port)
        work.say(
            f"the board waits for its WiFi: open {console}/setup on a phone, or "
            "mpfleet provision, or deploy again with --wifi"
        )
        return
    if work.plan.wait_s <= 0:
        return
    work.say("waiting for it to come online")
    for line in work.board.lines(work.plan.wait_s):
        work.outcome.output.append(line)
        if _ONLINE in line:
            work.outcome.is_online = True
            work.say("online")
            return
    raise _offline(work)


def _offline(work: Work) -> DeployError:
    said = [line for line in work.outcome.output if line.strip()]
    text = "\n".join(said)
    return DeployError(
        "not-online",
        f"the board did not come online within {work.plan.wait_s:.0f} s; it said: "
        + (" | ".join(said[-3:]) or "nothing"),
        next(advice for word, advice in _ADVICE if word in text),
    )
