"""The second half of an update: a release is judged, committed or goes back, and its end told.

The boot record outranks the journal here, whose writes may fail on a full flash: it only says
which assignment it was.
"""

import asyncio
import time

from device.errors import Refused, StorageFull
from device.update.record import CRASHES, NONE, TRIES
from device.update.steps import ending, why_failed

_TRACEBACK = "traceback"
_LOG = "trial.log"
_LOG_LINES = 20

WAIT = "wait"
HEALTHY = "healthy"

STARTS = 2  # of a trial: the second is for what was not its fault
ACTIVATIONS = 3  # of its firmware, each a set_boot

_STEADY_S = 10  # an app must have run this long without raising
_PERIOD_MS = 500


def steady_s(trial_s):
    """Seconds that an app must have run without raising, for a trial of this length."""
    return min(_STEADY_S, trial_s // 8)


def verdict(elapsed_s, contact_at_s, well_at_s, has_failed, trial_s, contact_limit_s):
    """WAIT, HEALTHY or the word for why not, so long after the trial began.

    `contact_at_s`: when the host was reached; `well_at_s`: since when the app is well; or None.
    """
    if has_failed:
        return "app-raised"
    if contact_at_s is None:
        return "no-contact" if elapsed_s >= contact_limit_s else WAIT
    settle_s = steady_s(trial_s)
    if well_at_s is not None and elapsed_s - well_at_s >= settle_s:
        return HEALTHY
    if elapsed_s >= max(trial_s, contact_at_s + 2 * settle_s):
        return "unhealthy"
    return WAIT


def on_trial(slot, firmware, number):
    """What the boot record says of a slot on trial with the firmware it expects; one write."""
    return {
        "trial": slot,
        "expected": firmware,
        "number": number,
        "starts": STARTS,
        "activations": ACTIVATIONS,
        "spared": 0,
        "committing": 0,
        "reason": "",
    }


def committed(record):
    """What it says once the trial is what is active; one write."""
    return {
        "active": record.trial,
        "firmware": record.expected,
        "trial": NONE,
        "committing": 0,
        "crashes": 0,
        "wakes": 0,
        "rounds": 0,
        "tries": TRIES,
        "reason": "",
    }


class Health:
    """Watches one trial."""

    def __init__(self, config, log):
        self._config = config
        self._log = log

    async def judge(self, application, wifi, has_contact):
        """None for a release that works, else the word for why not; within the deadlines."""
        start = time.ticks_ms()
        contact_at_s = well_at_s = None
        word = WAIT
        while word == WAIT:
            await asyncio.sleep_ms(_PERIOD_MS)
            elapsed_s = time.ticks_diff(time.ticks_ms(), start) / 1000
            has_failed = application.failure is not None
            if contact_at_s is None and wifi.is_joined and has_contact():
                contact_at_s = elapsed_s
                self._log("trial", "host reached after %d s" % elapsed_s)
            if not has_failed and contact_at_s is not None:
                is_well = application.is_started and await application.is_healthy()
                if application.failure is not None:
                    return "unhealthy"  # its health() raised
                well_at_s = (elapsed_s if well_at_s is None else well_at_s) if is_well else None
            word = verdict(
                elapsed_s,
                contact_at_s,
                well_at_s,
                has_failed,
                self._config.trial_s,
                self._config.contact_s,
            )
        return None if word == HEALTHY else word


class Trial:
    """Judges what runs, keeps or undoes it. `power.restart(why)` does not return."""

    def __init__(self, record, journal, firmware, health, reports, power, nvs, store, config, log):
        self._record = record
        self._journal = journal
        self._firmware = firmware
        self._health = health
        self._reports = reports
        self._power = power
        self._nvs = nvs
        self._store = store
        self._config = config
        self._log = log

    def begin(self, letter, number, firmware):
        """Set a sealed slot on trial, on this firmware; nothing of an earlier one is mistaken.

        Raises:
            Refused: the bootloader would not start the image; nothing is on trial then.
        """
        self._clean()
        self._record.change(**on_trial(letter, firmware, number))
        if firmware != self._firmware.running() and not self._firmware.set_boot(firmware):
            self._record.change(trial=NONE, number=0)
            raise Refused("bad-image", "its checksum or hash is wrong")

    async def run(self, application, wifi, has_contact, is_soft):
        """Judge the trial that runs; returns once it is committed, resets where it goes back."""
        if is_soft and not self._count_soft_start():
            await self._go_back("not-committed", None)
            return
        self._journal.keep(step="trial")
        self._log("trial", "release", self._record.number)
        word = await self._health.judge(application, wifi, has_contact)
        if word is None:
            word = self._commit()
        if word is not None:
            await self._go_back(word, application.failure)

    def resume_commit(self):
        """A start that finds *committing* finishes the commit before anything else."""
        if self._record.committing and self._record.mode == "trial":
            self._finish()

    async def settle(self):
        """With contact: activate a trial that does not run again, or report how the last ended."""
        record = self._record
        if record.mode == "trial":
            return
        if record.trial != NONE:
            await self._activate_again()
        if record.number and record.reason:
            self._report_failed()
        elif record.number and record.mode == "active":  # the new release: nobody else says done
            self._report_done()

    def _count_soft_start(self):
        """boot.py counts no soft resets: an app that makes them would be on trial for ever."""
        if not self._record.starts:
            return False
        try:
            self._record.change(starts=self._record.starts - 1)
        except StorageFull:
            return False
        return True

    def _commit(self):
        """None, or the word for why not."""
        self._journal.keep(step="commit")
        try:
            self._record.change(committing=1)
        except StorageFull as e:
            return e.code
        self._finish()
        return None

    def _finish(self):
        """Every line can be repeated; the last one ends the trial."""
        record = self._record
        self._firmware.confirm()
        if record.number > self._nvs.number("number", 0):
            self._nvs.set_number("number", record.number)
        record.change(**committed(record))
        self._reports.running = record.number
        self._log("trial", "committed release", record.number)
        self._report_done()

    async def _go_back(self, word, traceback):
        self._log("trial", "goes back:", word)
        self._journal.keep(step="rollback")
        self._leave(_TRACEBACK, traceback)
        self._leave(_LOG, "\n".join(self._log.lines[-_LOG_LINES:]))
        try:
            self._record.fail(word)
        except StorageFull:  # then its starts run out
            self._log("trial", "no room to record it")
        await self._power.restart("back: " + word)

    def _leave(self, name, text):
        try:
            if text:
                self._store.write(name, text.encode())
        except StorageFull:  # the word is in the boot record
            self._log("trial", "no room for", name)

    async def _activate_again(self):
        """Three stories that look alike (DESIGN section 3) and one answer: again, a few times."""
        record = self._record
        if record.committing and record.crashes >= CRASHES:
            record.fail("crashes")  # it was well, and then did not even live to finish its commit
            return
        if not record.activations:
            record.fail("firmware-reverted")
            return
        record.change(activations=record.activations - 1)
        if record.expected and record.expected != self._firmware.running():
            self._firmware.set_boot(record.expected)
        await self._power.restart("trial again")

    def _report_failed(self):
        record, journal = self._record, self._journal
        traceback = self._store.read(_TRACEBACK)
        uptime_s = time.ticks_diff(time.ticks_ms(), record.start_ms) // 1000
        word = why_failed(record.reason, bool(traceback), uptime_s, self._config.trial_s)
        if journal["number"] != record.number:  # lost, or of another update
            journal.keep(step="check", number=record.number, assignment=0)
        outcome, is_closed = ending(word, journal["spared"])
        self._log("trial", "of release", record.number, outcome, word)
        more = {}
        lines = self._store.read(_LOG)
        if traceback:
            more["traceback"] = traceback.decode()
        if lines:
            more["log"] = lines.decode().split("\n")
        self._report(outcome, "trial", reason=word, **more)
        if is_closed:  # with no record to go by, a bootloader would start the first image it finds
            self._firmware.discard(record.expected)
        closed = journal["assignment"] if is_closed else journal["closed"]
        spared = journal["spared"] + 1
        journal.keep(step="check", closed=closed, spared=spared)
        self._forget()

    def _report_done(self):
        heap = {"free": self._power.free_heap(), "peak_used": self._journal["peak"]}
        self._report("done", "commit", heap=heap)
        self._journal.keep(step="check", closed=self._journal["assignment"])
        self._forget()

    def _report(self, outcome, step, **more):
        fields = self._journal.about()
        fields.update(more)
        fields["number"] = self._record.number
        self._reports.add("update", outcome=outcome, step=step, **fields)

    def _forget(self):
        self._clean()
        try:
            self._record.change(number=0, reason="")  # judged and told: nothing of it is left
        except StorageFull:  # it is reported once more, at worst
            self._log("trial", "no room to forget the last one")

    def _clean(self):
        self._store.remove(_TRACEBACK)
        self._store.remove(_LOG)
