"""Supervises the tasks of a running board, and answers what its parts ask of the whole."""

import asyncio
import json

import machine
from micropython import const

from device.checkin import drop
from device.errors import StorageFull
from device.power import make_way, supervise
from device.store import Nvs

TYPE_CHECKING = const(False)  # what follows is for a type checker, and compiled to nothing
if TYPE_CHECKING:
    from device.application import Application, Board
    from device.checkin import Checkin, Talks
    from device.clock import Clock
    from device.connection import Host
    from device.identity import Identity
    from device.link import Link
    from device.log import Log
    from device.power import Power
    from device.report import Reports
    from device.store import Config, Store
    from device.update.record import BootRecord
    from device.wifi import Wifi

_SETTLE_S = const(60)  # a deep sleep waits so long for the first conversation with the host
_UPDATE_S = const(900)  # and so long for an update to end
_ALONE_S = const(3600)  # longest in update mode: the application is away meanwhile


class Runtime:
    """All parts of a running board, as device/start.py puts them together.

    In update mode there is neither an application nor MQTT: their heap is the update's.
    """

    log: "Log"
    store: "Store"
    nvs: "Nvs"
    record: "BootRecord"
    config: "Config"
    power: "Power"
    identity: "Identity"
    clock: "Clock"
    number: int
    can_provision: bool
    reports: "Reports"
    wifi: "Wifi"
    host: "Host"
    link: "Link"
    talks: "Talks"
    checkin: "Checkin"
    application: "Application"
    board: "Board"

    def __init__(self, host, cas):
        from device.start import assemble

        assemble(self, host, cas)

    async def run(self):
        """Finish what a cut left, start the tasks, and stay."""
        if self.record.committing:
            self.talks.open().client().resume_commit()
        self.clock.start()
        asyncio.get_event_loop().set_exception_handler(self._stray)
        self.log("run", self.mode, "slot", self.record.slot, "release", self.number)
        await supervise(self._table(), self.log, self._report_memory)

    @property
    def mode(self):
        """What runs: `active`, `trial`, `golden`, or `update`, which is active without the app."""
        return "update" if self.power.is_alone else self.record.mode

    def _table(self):
        """Name and body of each task; a body that returns has done its work."""
        table = [
            ("power", self.power.keep),
            ("recovery", self._recover),
            ("wifi", self.wifi.keep),
            ("checkin", self._check_in),
        ]
        if self.record.mode == "trial":
            table.append(("trial", self._try))
        if self.can_provision:
            table.append(("button", self._attend))
        if self.mode == "update":
            table.append(("update", self._leave))
            return table
        table.append(("link", self.link.run))
        if self.mode != "golden":
            table.append(("app", lambda: self.application.run(self.board)))
        return table

    async def _attend(self):
        await make_way(self.power, self.config, self.wifi, self.record)

    async def _check_in(self):
        is_known = self.talks.open().registration.is_known
        self.talks.close()
        await self.checkin.run(is_known)

    async def _try(self):
        is_soft = machine.reset_cause() == machine.SOFT_RESET
        await self.talks.open().client().trial(self.application, self.wifi, is_soft)
        self.link.publish("status", self.status(), True)
        self.checkin.wake()  # its report says done

    async def _leave(self):
        """Update mode lasts until a talk has come to its end, or for so long without contact."""
        for second in range(_ALONE_S):
            is_lost = second >= self.config.contact_s and not self.checkin.is_busy
            if self.checkin.has_talked or is_lost:
                break
            await asyncio.sleep(1)
        await self.power.restart("update mode is over")

    async def _recover(self):
        from device import start

        record = self.record
        start.tell(record, self.reports, self.store, self.log, machine.reset_cause())
        retry_s = start.retry_s(record.rounds)
        del start
        drop("device.start")  # a talk may be open by now: it keeps its modules
        if record.mode == "golden":
            await asyncio.sleep(retry_s)
            await self._retry_active()
            return
        await asyncio.sleep(self.config.healthy_s)
        if self.mode == "active" and record.crashes + record.wakes + record.rounds:
            try:
                record.change(crashes=0, wakes=0, rounds=0)
            except StorageFull as e:  # they count on, and are cleared after the next start
                self.log("recovery", e.detail())

    async def _retry_active(self):
        if self.record.mode == "golden" and self.record.active != "-":
            self.record.retry_active()
            await self.power.restart("active again")

    def status(self):
        """What the host is told as soon as it hears us (SPEC section 9)."""
        return {
            "online": True,
            "number": self.number,
            "slot": self.record.slot,
            "mode": self.mode,
            "firmware": self.identity.firmware,
            "metadata": self.store.trusted_versions(),
        }

    def hear(self, message):
        """Obey a word of the host; `online` is the link's own."""
        what = message.get("what")
        if what == "check" or (what == "online" and not self.checkin.is_tight):
            self.checkin.wake()  # tight: a talk ends the session, and would so follow itself
        elif what == "retry-active":
            asyncio.create_task(self._retry_active())
        else:
            self.log("link", "ignored", what)

    def report_app(self, reason, detail, traceback):
        """The application raised."""
        self.reports.add("app", reason=reason, detail=detail, traceback=traceback)
        self.checkin.wake()

    async def _report_memory(self, name):
        try:
            self.reports.add("boot", reason="out-of-memory", detail="task " + name)
            await self.checkin.run_short()
        except MemoryError:  # again: then the task's next death leads here
            pass

    def _stray(self, _, context):
        """A task that nobody awaits raised: it can only be the application's."""
        self.application.note(context["exception"])

    async def say_goodbye(self, _):
        """Before a reset."""
        await self.link.goodbye()

    async def settle(self, _):
        """Before a deep sleep: a talk with the host, and the update it may have begun."""
        for second in range(_UPDATE_S):
            has_talked = self.checkin.rounds or second >= _SETTLE_S
            if has_talked and not self.checkin.is_busy and self.record.mode != "trial":
                return
            await asyncio.sleep(1)


def main():
    """Run the board until a person or a reset ends it."""
    nvs = Nvs()
    try:
        host = json.loads(nvs.blob("host") or b"")
    except ValueError:
        print("mpfleet: this board is not set up yet: run `make deploy`")
        return
    runtime = Runtime(host, [ca for ca in (nvs.blob("ca"), nvs.blob("ca2")) if ca])
    try:
        asyncio.run(runtime.run())
    except KeyboardInterrupt:
        from device.start import feed_for_a_person

        feed_for_a_person(runtime.power)
        raise
