"""A board of a rig: brought to a state, given releases, looked at."""

import base64
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from host.builder.errors import ToolError
from host.cli.client import Client
from host.deploy import Event, Network, Outcome, Plan, agent
from host.deploy import deploy as set_up
from host.deploy.board import Board as Prompt
from host.rig import power as switching
from host.rig import strategy
from host.rig.console import Console
from host.rig.errors import BoardBrokenError, Interrupted, RigError, ScenarioError
from host.rig.file import BoardTable, WifiTable
from host.rig.power import Power
from host.rig.site import Before, Site

_LOOK_S = 0.2  # between two questions to the host
_START_S = 30  # from a reset to the runtime's first line
_ONLINE_S = 90  # joining WiFi, the clock, TLS, registering
_UPDATE_S = 240
# Shorter than on boards in the field: a scenario waits for each of them.
_CONFIG = {"trial_s": 60, "contact_s": 90, "poll_s": 30}
_QUICK = {"trial_s": 12, "contact_s": 30, "poll_s": 30}  # a virtual board joins in no time
STARTED, ONLINE = "run: ", "link: online"

# A rig's board belongs to the session: nothing of an earlier one may speak for it.
_WIPE = r"""
_t = _tree('/state', [])
_tree('/slots', _t)
for _p in _t:
    _remove(_p)
import esp32
_n = esp32.NVS('mpfleet')
for _k in ('secret', 'host', 'ca', 'floor', 'number', 'token', 'opened'):
    try:
        _n.erase_key(_k)
    except OSError:
        pass
_n.commit()
"""


@dataclass(frozen=True)
class Parts:
    """What a board is made of."""

    table: BoardTable
    wifi: WifiTable
    power: Power
    port: Callable[[], str]
    console: Console
    site: Site
    client: Client
    is_over: threading.Event  # a person pressed Ctrl-C
    images: list[bytes]  # firmwares to update to
    resets: int


class Board:
    """`bring_to` moves it; what cannot be moved is broken, and says so at once from then on."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.name, self.model = parts.table.name, parts.table.model
        self.power, self.console = parts.power, parts.console
        self.site, self.client = parts.site, parts.client
        self.state = "off"
        self.device = ""
        self._started = 0  # mark of the last reset
        self._broken: BoardBrokenError | None = None

    # Where it is

    def bring_to(self, wanted: str) -> None:
        """Bring it to a state of `strategy.STATES`.

        Raises:
            BoardBrokenError: with the cause; the same one at every later call.
        """
        if self._broken:
            raise self._broken
        for step, state in strategy.route(self.state, wanted):
            try:
                getattr(self, f"_{step}")()
            except (ToolError, TimeoutError) as error:
                cause = f"{self.name} does not get from {self.state} to {state}: {error}"
                self._broken = BoardBrokenError("board-broken", cause)
                raise self._broken from error
            self.state = state

    def distrust(self) -> None:
        """After a failure: the next `bring_to` begins anew, with nothing left of before."""
        if not self._broken:
            self.bring_to("off")

    def _switch_off(self) -> None:
        self.power.off()

    def _switch_on(self) -> None:
        self.power.on()
        self.console.open()

    def _stop(self) -> None:
        with self.prompt() as prompt:
            prompt.run(agent.SOURCE + _WIPE)

    def _deploy(self) -> None:
        outcome = self.deploy(self.site.port, self.site.mqtt_port)
        self.device = outcome.device

    def _await_online(self) -> None:
        self.wait_for(ONLINE, _ONLINE_S)

    # What is done to it

    def deploy(self, port: int, mqtt_port: int) -> Outcome:
        """`mpfleet deploy`, telling it these ports of the host; it starts anew.

        Raises:
            DeployError: what kept the deploy from getting there.
        """
        fleet = self.client.fleet()
        plan = Plan(
            product=self.site.product,
            addresses=[self.site.table.address],
            port=port,
            mqtt_port=mqtt_port,
            fleet=fleet["name"],
            ca_der=ssl.PEM_cert_to_DER_cert(fleet["ca"].strip()),
            root=base64.b64decode(fleet["root"]),
            wifi=[Network(self.parts.wifi.ssid, self.parts.wifi.key)],
            model=self.model,
            number=self.site.baseline,
            config={name: round(self.patient(s)) for name, s in self._config.items()},
            wait_s=0,
            patience=self.parts.table.patience,
        )
        shop = Before(self.client, self.site.candidate.number)
        self._started = self.console.mark
        with self.console.released():
            return set_up(self.parts.port(), plan, shop, self._follow)

    def reset(self) -> None:
        """Reset it, by its reset line, its power, or its prompt."""
        self._started = self.console.mark
        if self.console.pulse_reset():
            return
        if self.power.can_cut:
            switching.cut(self.power)
            return
        with self.prompt() as prompt:
            prompt.reset(agent.RESET)

    def cut_power(self) -> str:
        """Take its power for a moment, or reset it where nobody can; says which."""
        if not self.power.can_cut:
            self.reset()
            return "reset"
        self._started = self.console.mark
        switching.cut(self.power)
        return "power cut"

    @contextlib.contextmanager
    def prompt(self):
        """The board at its prompt, with what ran on it stopped."""
        with self.console.released():
            prompt = Prompt(self.parts.port(), self.parts.table.patience)
            try:
                prompt.stop()
                yield prompt
            finally:
                prompt.close()

    def status(self) -> dict[str, Any]:
        """What it says of itself; it is reset afterwards."""
        self._started = self.console.mark
        with self.prompt() as prompt:
            said = prompt.run(agent.SOURCE + "\nfrom device.setup import status\nstatus()")
            prompt.reset(agent.RESET)
        return json.loads(said)

    def restart(self, code: str) -> None:
        """Run code at its prompt, then let it start anew."""
        self._started = self.console.mark
        with self.prompt() as prompt:
            prompt.run(code)
            prompt.reset(agent.RESET)

    # What it does

    def wait_for(self, text: str, limit_s: float, since: int | None = None) -> int:
        """Wait for a line since the last reset, or a mark.

        Raises:
            TimeoutError: with what the board said instead.
        """
        mark = self._started if since is None else since
        return self.console.wait_for(text, self.patient(limit_s), mark)

    def wait_until_started(self) -> None:
        """Wait until its runtime runs after the last reset."""
        self.wait_for(STARTED, _START_S)

    def wait_until_running(self, number: int) -> None:
        """Wait until the host sees it online with this release."""

        def looks():
            device = self.look()
            return device["online"] and device["number"] == number

        self.until(f"release {number} runs and is online", looks, _ONLINE_S)

    def assign(self, number: int) -> None:
        """Give it a release."""
        value = {"product": self.site.product, "number": number, "devices": [self.device]}
        self.client.send("POST", "/assignments", value)

    def end_of(self, number: int) -> dict[str, Any]:
        """The report with which the update to a release ended."""

        def look():
            ours = (r for r in self.reports() if r["kind"] == "update" and r["number"] == number)
            return next((r for r in ours if r["outcome"] in _ENDS), None)

        return self.until(f"release {number} ends", look, _UPDATE_S)

    def look(self) -> dict[str, Any]:
        """What the host knows of it."""
        return self.client.get(f"/devices/{self.device}")

    def reports(self) -> list[dict[str, Any]]:
        """What it reported, newest first."""
        return self.client.get(f"/devices/{self.device}/reports")

    def until(self, what: str, check: Callable[[], Any], limit_s: float) -> Any:
        """What `check` returns as soon as that is true.

        Raises:
            ScenarioError: `too-late`, with the last lines of the board.
        """
        limit_s = self.patient(limit_s)
        deadline = time.monotonic() + limit_s
        while not (found := check()):
            if self.parts.is_over.wait(_LOOK_S):
                raise Interrupted
            if time.monotonic() > deadline:
                said = " | ".join(self.console.tail()) or "nothing"
                detail = f"{what}: not within {limit_s:.0f} s; the board said: {said}"
                raise ScenarioError("too-late", detail)
        return found

    def patient(self, seconds: float) -> float:
        """A time limit as this board needs it."""
        return seconds * self.parts.table.patience

    def close(self) -> None:
        """Let go of it; it keeps its power."""
        self.console.close()
        self.client.close()

    @property
    def _config(self) -> dict[str, int]:
        return _QUICK if self.parts.table.power.by == "virtual" else _CONFIG

    def _follow(self, event: Event) -> None:
        if self.parts.is_over.is_set():
            raise Interrupted
        if not event.total:
            self.console.note(f"[deploy] {event.step}: {event.text}")


_ENDS = ("done", "failed", "refused")


def fault(error: Exception) -> RigError:
    """What a scenario met, as an error with a word."""
    if isinstance(error, RigError):
        return error
    code = getattr(error, "code", "too-late" if isinstance(error, TimeoutError) else "failed")
    return ScenarioError(code, str(error))
