"""Builds every part once, hands each its collaborators, and supervises the tasks. The only file that knows them all."""

import asyncio
import gc
import json
import sys

import machine

from device.application import Application
from device.board import Board
from device.checkin import Checkin
from device.clock import Clock
from device.config import Config
from device.connection import Host
from device.http import Http
from device.identity import Identity
from device.link import Link
from device.log import Log
from device.nvs import Nvs
from device.pipe import Pipe
from device.power import Power
from device.protocol import credentials
from device.recovery import Recovery
from device.registration import Registration
from device.report import Reports
from device.store import Store
from device.update import firmware_slot
from device.update.app_slot import AppSlot
from device.update.client import Client
from device.update.health import Health
from device.update.journal import Journal
from device.update.record import BootRecord
from device.update.trial import Trial, retry_active
from device.wifi import Wifi

_DELAY_S = (1, 60)  # before a task that died is started again
_SETTLE_S = 60  # a deep sleep waits so long for the first conversation with the host
_UPDATE_S = 900  # and so long for an update to end


class Runtime:
    """All parts of a running board."""

    def __init__(self, host, ca):
        self.log = Log()
        self.store = Store()
        self.nvs = Nvs()
        self.record = BootRecord()
        self.config = Config(self.store)
        self.power = Power(self.record.watchdog_s, self.log)
        self.identity = Identity(self.nvs, self.config)
        self.clock = Clock(self.nvs, self.config, self.log)
        self.number = running_number(AppSlot(self.record.slot).release)
        self.tasks = {}
        self._build_network(host, ca)
        self._build_update()
        self._build_application()

    def _build_network(self, host, ca):
        me = self.identity
        self.wifi = Wifi(self.store, self.config.hostname or "mpfleet-" + me.id[-6:], self.log)
        self.host = Host(host, ca, self.power)
        self.http = Http(self.host, self.clock, self.log, credentials(me.id, me.secret_hex))
        pipe = Pipe(self.host, self.log)
        self.link = Link(self.host, pipe, me, self.log, self.power, self.hear, self.status)
        self.registration = Registration(self.http, self.store, self.nvs, me, self.log)
        self.reports = Reports(self.store, self.http, self.clock, self.log, self.number)

    def _build_update(self):
        log, store, record, power = self.log, self.store, self.record, self.power
        journal = Journal(store)
        health = Health(self.config, log)
        trial = Trial(
            record, journal, firmware_slot, health, self.reports, power, self.nvs, store, self.config, log
        )
        self.client = Client(
            self.http,
            record,
            journal,
            AppSlot,
            firmware_slot,
            trial,
            self.reports,
            self.identity,
            power,
            self.nvs,
            self.link,
            log,
        )
        self.recovery = Recovery(
            record, self.reports, store, self.config, log, lambda: retry_active(record, power)
        )
        self.checkin = Checkin(
            self.wifi,
            self.clock,
            self.http,
            self.registration,
            self.reports,
            self.client,
            self.link,
            self.config,
            log,
        )

    def _build_application(self):
        self.application = Application(self.log, self._report_app, self.power.watchdog_s)
        self.board = Board(
            self.config.app, self.identity, self.log, self.link, self.application, self.power
        )
        self.power.is_silent = self.application.is_silent
        self.power.before_reset = [self.application.stop, self._say_goodbye]
        self.power.before_sleep = [self._settle]

    async def run(self):
        """Finish what a cut left, start the tasks, and stay."""
        self.client.resume_commit()
        self.clock.start()
        self.recovery.tell(machine.reset_cause())
        asyncio.get_event_loop().set_exception_handler(self._stray)
        self.log("run", self.record.mode, "slot", self.record.slot, "release", self.number)
        await asyncio.gather(*[asyncio.create_task(self._forever(n, f)) for n, f in self._table()])

    def _table(self):
        """Name and body of each task; a body that returns has done its work."""
        table = [
            ("power", self.power.keep),
            ("wifi", self.wifi.keep),
            ("checkin", self.checkin.run),
            ("link", self.link.run),
            ("recovery", self.recovery.run),
        ]
        if self.record.mode == "trial":
            table.append(("trial", self._trial))
        if self.record.mode != "golden":
            table.append(("app", lambda: self.application.run(self.board)))
        return table

    async def _forever(self, name, body):
        """Keep a task up: one that dies is logged and started again, later each time."""
        delay_s, longest_s = _DELAY_S
        while True:
            try:
                return await body()
            except Exception as e:
                self.log(name, "died:", repr(e))
                sys.print_exception(e)
                if isinstance(e, MemoryError):
                    gc.collect()
                    self.reports.add("boot", reason="out-of-memory", detail="task " + name)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, longest_s)

    async def _trial(self):
        await self.client.trial(self.application, self.wifi, machine.reset_cause() == machine.SOFT_RESET)
        self.number = running_number(AppSlot(self.record.slot).release)
        self.link.publish("status", self.status(), True)
        self.checkin.wake()  # its report says done

    def status(self):
        """What the host is told as soon as it hears us (SPEC section 9)."""
        gc.collect()
        self.log("heap", "free", gc.mem_free(), "used", gc.mem_alloc())
        return {
            "online": True,
            "number": self.number,
            "slot": self.record.slot,
            "mode": self.record.mode,
            "firmware": self.identity.firmware,
        }

    def hear(self, message):
        """Obey a word of the host; `online` is the link's own."""
        what = message.get("what")
        if what in ("check", "online"):
            self.checkin.wake()
        elif what == "retry-active":
            asyncio.create_task(self.recovery.retry())
        else:
            self.log("link", "ignored", what)

    def _report_app(self, reason, detail, traceback):
        self.reports.add("app", reason=reason, detail=detail, traceback=traceback)
        self.checkin.wake()

    def _stray(self, _, context):
        """A task that nobody awaits raised: it can only be the application's."""
        self.application.note(context["exception"])

    async def _say_goodbye(self, _):
        await self.link.goodbye()

    async def _settle(self, _):
        """Before a deep sleep: one conversation with the host, and the update it may have begun."""
        for _ in range(_SETTLE_S):
            if self.checkin.rounds:
                break
            await asyncio.sleep(1)
        for _ in range(_UPDATE_S):
            if not self.checkin.is_busy and self.record.mode != "trial":
                break
            await asyncio.sleep(1)


def running_number(path):
    """Number of the release whose manifest lies here; 0 for golden or one that cannot be read."""
    try:
        with open(path, "rb") as f:
            return json.load(f)["number"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def main():
    """Run the board until a person or a reset ends it."""
    nvs = Nvs()
    try:
        host = json.loads(nvs.blob("host") or b"")
    except ValueError:
        print("mpfleet: this board is not set up yet: run `make deploy`")
        return
    runtime = Runtime(host, nvs.blob("ca") or b"")
    try:
        asyncio.run(runtime.run())
    except KeyboardInterrupt:
        runtime.power.feed_for_a_person()
        raise
