"""Virtual boards in the sandbox, set up through their serial port, each with its host."""

import contextlib
import datetime as dt
import itertools
import queue
import threading
import time
from pathlib import Path

from host import pki
from host.builder.errors import ToolError
from host.deploy import DeployError, Network, Plan, deploy
from host.deploy.board import Board as Prompt
from host.verification.inside.approvers import Approvers
from host.verification.inside.trial_host import Shelf, TrialHost
from simulator import AccessPoint, Radio, VirtualBoard

_HOST, _API, _MQTT = "10.0.0.1", 8443, 8883
_NOBODY = 9  # the port on which nobody listens
_WIFI = AccessPoint("gate", "of virtual boards")
_ONLINE_S = 60  # a busy machine takes its time
_DWELL_S = 1.5
ENDS = ("done", "failed", "refused")


class TrialError(Exception):
    """A board did not do what it should have; the text says what it did instead."""

    def __init__(self, sentence, log=""):
        super().__init__(sentence)
        self.sentence, self.log = sentence, log


class Bench:
    """What the boards share: a folder, a CA, approvers, and the shelf of releases."""

    def __init__(self, folder, product, model, sim=None):
        self.folder, self.product, self.model = Path(folder), product, model
        self.sim = sim  # folder of stand-ins for its hardware
        pki.ensure(self.folder / "pki", "mpfleet", (), dt.datetime.now(dt.UTC))
        self.ca = pki.ca_der(self.folder / "pki")
        self.leaf = self.folder / "pki" / pki.SERVER_FILE
        self.approvers, self.shelf = Approvers(), Shelf()
        self._numbers = itertools.count(1)
        self._compiling = threading.Lock()
        self.trial_s, self.watchdog_s, self.online_s = 24, 8, _ONLINE_S
        # Numbers rise by the clock, as a host's do; one for all that is offered but once.
        self.assignment = int(time.time()) - 1_577_836_800
        self.figures = self.figures_before = None  # heap and boot time, once they were measured

    @contextlib.contextmanager
    def unit(self, name, releases, flash=None):
        """A board that trusts these releases; blank, or with what is in the bytes of a flash."""
        folder = self.folder / f"{next(self._numbers)}-{name}"
        folder.mkdir()
        if flash is not None:
            (folder / "flash.bin").write_bytes(flash)
        for release in releases:
            self.shelf.add(release)
        files = self.approvers.files(releases)
        host = TrialHost(self.leaf, self.shelf, files, self.approvers.version)
        radio = Radio([_WIFI])
        radio.routes = Routes(
            {
                (_HOST, _API): ("127.0.0.1", host.api_port),
                (_HOST, _MQTT): ("127.0.0.1", host.mqtt_port),
            }
        )
        board = VirtualBoard(folder, model=self.model, radio=radio, sim=self.sim)
        try:
            yield Unit(self, board, host)
        finally:
            board.close()
            host.close()
            for one in folder.iterdir():
                one.unlink()


class Routes(dict):
    """Where a board's connections lead: to its host, or to where nobody listens.

    The rest of the world is refused here, so that whoever meets the machine's missing network went
    around the board (guard.py).
    """

    def get(self, target, _=None):
        """The address behind a target."""
        return super().get(target, ("127.0.0.1", _NOBODY))


class Unit:
    """One board and its host."""

    def __init__(self, bench, board, host):
        self.bench, self.board, self.host = bench, board, host
        self._assignments = itertools.count(bench.assignment)
        self._mark = 0
        self.boot_s = None

    # Setting it up

    def deploy(self, release, wait_s=_ONLINE_S):
        """As `mpfleet deploy` does, with this release in its slot, or with the runtime alone."""
        bench = self.bench
        plan = Plan(
            product=bench.product, addresses=[_HOST], port=_API, mqtt_port=_MQTT,
            fleet="mpfleet", ca_der=bench.ca, root=bench.approvers.root,
            wifi=[Network(_WIFI.ssid, _WIFI.password)], model=bench.model,
            number=release and release.number, watchdog_s=bench.watchdog_s,
            config={"trial_s": bench.trial_s, "contact_s": bench.trial_s * 3 // 2, "poll_s": 30},
            wait_s=wait_s,
        )  # fmt: skip
        self.board.power_on()
        self._mark = self.board.mark
        try:
            deploy(self.board.port, plan, _Shop(release), lambda event: None)
        except DeployError as error:
            raise TrialError(f"it does not come online: {error}", self.log) from error

    @contextlib.contextmanager
    def prompt(self):
        """The board at its prompt, its slot on the path, nothing of it running."""
        prompt = Prompt(self.board.port)
        try:
            prompt.stop()
            yield prompt
        finally:
            prompt.close()

    # What is done to it

    def start(self):
        """Power it on anew and see it come online."""
        online_s = self.bench.online_s
        self.board.power_off()
        self._mark, began = self.board.mark, time.monotonic()
        self.board.power_on()
        self._wait("run: ", online_s)
        self.boot_s = time.monotonic() - began
        self._wait("link: online", online_s)
        self._wait("heap: free", online_s)

    def dwell(self, seconds=_DWELL_S):
        """Let it run: what an application does a moment after its trial shows then."""
        time.sleep(seconds)

    def update(self, release, limit_s=None):
        """Offer a release; the report with which its update ended."""
        self._mark = self.board.mark
        self.host.offer(release, next(self._assignments))
        return self.end_of(release.number, limit_s)

    def end_of(self, number, limit_s=None):
        """The report with which the update to a release ended."""
        limit_s = limit_s or self.bench.trial_s + 40
        for report in _coming(self.host.reports, limit_s):
            is_ours = report.get("kind") == "update" and report.get("number") == number
            if is_ours and report.get("outcome") in ENDS:
                return report
        raise TrialError(f"no word of it within {limit_s:.0f} s", self.log)

    def wait_until_running(self, number, limit_s=_ONLINE_S):
        """Return once it says that this release is active."""
        last = {}
        for status in _coming(self.host.statuses, limit_s):
            last = status if status.get("online") else last
            if (status.get("number"), status.get("mode")) == (number, "active"):
                return
        said = f"runs release {last['number']} in mode {last['mode']}" if last else "is silent"
        raise TrialError(f"it {said} instead of release {number}", self.log)

    # What is seen of it

    @property
    def log(self):
        """What it said on its console since it was last begun with."""
        return self.board.text_since(self._mark)[-6000:]

    def _wait(self, text, limit_s):
        try:
            self._mark = self.board.wait_for(text, limit_s, self._mark) - len(text)
        except TimeoutError as error:
            sentence = f"it did not say {text.strip()!r} within {limit_s:.0f} s of its start"
            raise TrialError(sentence, self.log) from error


def _coming(said, limit_s):
    """What comes in a queue within so many seconds, one by one."""
    end = time.monotonic() + limit_s
    while (left := end - time.monotonic()) > 0:
        try:
            yield said.get(timeout=left)
        except queue.Empty:
            return


class _Shop:
    """What a deploy asks of a host."""

    def __init__(self, release):
        self._release = release

    def releases(self, product):
        return [{"number": self._release.number, "state": "approved"}] if self._release else []

    def manifest(self, product, number):
        return self._release.manifest

    def blob(self, sha256):
        return self._release.read(sha256)

    def metadata(self, name):
        raise _NotFoundError("none is needed here")

    def enrolment_token(self, device_id=None):
        return "token"

    def find_device(self, device_id):
        return None


class _NotFoundError(ToolError):
    code = "not-found"


def story(report):
    """How an update ended, for a sentence: the word, and the last line of what was raised."""
    raised = (report.get("traceback") or "").strip().splitlines()
    more = raised[-1] if raised else report.get("detail") or ""
    word = report.get("reason") or report.get("outcome")
    return f"{word}: {more}" if more else str(word)


def log_of(report, unit):
    """Everything there is about an update that failed."""
    parts = [report.get("traceback") or "", "\n".join(report.get("log") or []), unit.log]
    return "\n".join(part for part in parts if part)
