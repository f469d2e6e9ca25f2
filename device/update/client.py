"""Walks an update from the host's assignment to the reset into its trial (DESIGN section 4)."""

import gc
import time

from micropython import const

from device.errors import DeviceError, Starved, StorageFull
from device.update.steps import (
    FAILURE,
    LATER,
    MODULES,
    REFUSED,
    SUCCESS,
    after_power_loss,
    assigned,
    next_step,
    outcome_of,
)

_TELL_MS = const(1000)
# What makes an update go on in update mode, beside a MemoryError: less free heap than this, a
# walk that began so often and never ended, a watchdog period spent waiting for other tasks.
_STAGE_BYTES = {False: 8192, True: 36864}  # without an image, and with it (a piece, its inflater)
_WALKS = const(3)
_PERIOD_S = const(90)  # where no watchdog is armed
_TRIAL = const("device.update.trial")
_PLAN = const("device.update.plan")
_STEPS = ("plan", "stage", "seal", "activate")  # a method each; the trial's are not walked here
# Where the journal counts a step's failures.
_COUNTERS = {"plan": "tries", "stage": "tries", "seal": "seals"}


class Client:
    """The first half of an update, Trial the second.

    `open_slot(letter)` opens an app slot, `drop(names)` forgets modules: each is loaded for its
    own step only.
    """

    def __init__(
        self,
        http,
        record,
        journal,
        open_slot,
        firmware,
        make_trial,
        reports,
        identity,
        power,
        nvs,
        link,
        drop,
        log,
    ):
        self._http = http
        self._record = record
        self._journal = journal
        self._open_slot = open_slot
        self._firmware = firmware
        self._make_trial = make_trial
        self._reports = reports
        self._identity = identity
        self._power = power
        self._nvs = nvs
        self._link = link
        self._drop = drop
        self._log = log
        self._download = self._parts = None
        self._came = 0, 0  # bytes of the files to come, for the progress bar
        self._word = self._detail = None
        self._patience_ms = (power.watchdog_s or _PERIOD_S) * 1000
        self._told_ms = self._peak = 0
        self.has_contact = False  # the host has said what this board is assigned

    async def check(self, answer):
        """With what the host answered: settle the last trial, walk what is assigned.

        Raises:
            NetworkError, HttpError: later; what was done so far is kept.
        """
        self.has_contact = True
        if self._record.mode != "trial":
            await self._obey(answer)

    async def trial(self, application, wifi, is_soft=False):
        """What runs is on trial: returns once it is committed, resets where it goes back.

        `is_soft`: this start was a soft reset, which boot.py does not count.
        """
        await self._make_trial().run(application, wifi, lambda: self.has_contact, is_soft)

    def resume_commit(self):
        """At start, before anything else: finish a commit that power cut off."""
        self._make_trial().resume_commit()

    async def _obey(self, answer):
        try:
            if self._record.trial != "-" or self._record.number:
                await self._make_trial().settle()
                self._drop(_TRIAL)
            if answer.get("retry_active") is True and self._record.mode == "golden":
                self._record.retry_active()
                await self._power.restart("active again")
            release = assigned(answer)
            if release and release["assignment"] != self._journal["closed"]:
                await self._walk(release)
        except StorageFull as e:  # not even for the boot record or the journal
            self._log("update", e.detail())
        finally:
            self._close()
            self._power.remember()

    async def _walk(self, release):
        await self._open(release)
        step = after_power_loss(self._journal["step"], False)
        while step in _STEPS:
            outcome = await self._do(step)
            counter = _COUNTERS.get(step)
            failures = self._journal[counter] if counter else 0
            after = next_step(step, outcome, failures)
            self._log("update", step, outcome, ">", after)
            if counter and outcome == FAILURE:
                self._journal.write(**{counter: failures + 1})
            if after == step:
                break  # later
            if after == "refuse":
                self._refuse(step, outcome)
            if step == "plan" and after == "stage" and self._power.is_alone:
                # the look-up left names and holes in the heap: staging would starve TLS
                self._journal.write(step=after)
                await self._power.renew()
            step = after

    async def _open(self, release):
        """What one walk needs, made for it alone: the heap is the application's otherwise."""
        journal = self._journal
        if not journal.is_about(release) or journal["step"] not in _STEPS:
            journal.begin(release)
        if self._power.may_retreat and self._power.walks >= _WALKS:
            await self._power.retreat("cut off too often")
        self._power.remember(walks=self._power.walks + 1)
        self._peak = journal["peak"]
        self._told_ms = time.ticks_ms() - _TELL_MS  # the first word comes at once

    async def _do(self, step):
        """Note the step, do it, and judge how it went."""
        try:
            self._journal.write(step=step)
            await getattr(self, "_" + step)()
            return SUCCESS
        except (DeviceError, MemoryError, OSError) as e:
            # TLS found no memory, though MQTT's session has ended for it
            has_no_room = e.args[:1] == ("out-of-memory",) and not self._link.is_online
            if has_no_room or isinstance(e, (MemoryError, Starved)):
                self._close()
                await self._power.retreat(repr(e))  # returns where that was done too often
            outcome, self._word = outcome_of(e)
            self._detail = e.detail() if isinstance(e, DeviceError) else repr(e)
            self._log("update", step, self._detail)
            if outcome is None:
                raise
            if outcome == LATER:
                self._journal.report_full(self._reports, step, self._detail)
            return outcome
        finally:
            self._stop_download()

    def _close(self):
        self._parts = None
        self._stop_download()

    def _open_slots(self):
        record = self._record
        return self._open_slot(record.idle), self._open_slot(record.active)

    def _start_download(self):
        """The transfers of one step, loaded for it; they count on."""
        from device.update.download import Download

        self._drop(_PLAN)
        self._download = Download(self._http, self._tell, self._journal, self._power)
        self._download.done, self._download.total = self._came
        return self._download

    def _stop_download(self):
        """Keep what it came to, and forget it: what comes next has its heap."""
        if self._download:
            self._journal.keep(peak=self._peak, **self._download.counts())
            self._came = self._download.done, self._download.total
        self._download = None
        self._drop(MODULES)

    async def _plan(self):
        await self._open_parts(True)

    async def _stage(self):
        parts = await self._open_parts()
        self._journal.keep(resumed=0)
        self._came = 0, 0
        gc.collect()
        free = self._power.free_heap()
        if self._power.may_retreat and free < _STAGE_BYTES[parts.lacks_image]:
            raise MemoryError("free", free)
        await parts.stage(self._identity.abi, self._power)

    async def _seal(self):
        await (await self._open_parts()).seal()

    async def _activate(self):
        number = self._journal["number"]
        expected = (await self._open_parts()).expected
        self._close()
        self._make_trial().begin(self._record.idle, number, expected)
        self._journal.keep(step="trial")
        self._power.remember(rounds=0)
        await self._power.restart("trial of release %d" % number)

    async def _open_parts(self, is_new=False):
        """The parts of this update; the manifest itself is not kept. `is_new`: judge it first."""
        if self._parts:
            return self._parts
        path = await self._fetch_manifest()
        from device.update import plan

        manifest, files = self._firmware.read_manifest(plan, path)
        if is_new:
            # what was changed over USB takes the release it was once more
            is_managed = self._record.mode != "active" or self._open_slots()[1].is_sealed
            number = self._nvs.number("number") - (not is_managed)
            me = self._firmware.about(self._identity, number, self._journal["number"])
            plan.judge(manifest, me)
        image = plan.image(manifest, self._identity.model)
        parts = self._firmware.Parts(
            image, self._open_slots, self._start_download, self._stop_download, self._journal
        )
        if is_new:
            can_undo = self._nvs.number("rollback") == 1
            parts.check(plan, files, self._journal["size"], can_undo)
        self._parts = parts
        return parts

    async def _fetch_manifest(self):
        """Path of the manifest of this update: it lies in the slot, else is fetched into it."""
        digest, size = self._journal["manifest"], self._journal["size"]
        try:
            slot, _ = self._open_slots()
            return await slot.fetch_manifest(digest, size, self._start_download())
        finally:
            self._stop_download()

    def _refuse(self, step, outcome):
        """The release is not for this board as it stands: say so, and never start it again."""
        is_final = outcome == REFUSED or step == "plan"
        reason = self._word if is_final else "not-staged"
        self._journal.refuse(self._reports, step, reason, self._detail)
        self._power.remember(rounds=0)
        self._open_slot(self._record.idle).discard()

    def _tell(self, done, total):
        """Progress: to whoever watches, once a second; returned as a request's header."""
        step = self._journal["step"]
        if self._power.may_retreat:
            if self._download.waited_ms > self._patience_ms:
                raise Starved("starved", self._download.waited_ms)
            if self._power.is_starved():
                raise MemoryError("outside of the heap")
        now = time.ticks_ms()
        if time.ticks_diff(now, self._told_ms) >= _TELL_MS:
            self._told_ms = now
            gc.collect()  # garbage is no need: what is left is the peak
            self._peak = max(self._peak, gc.mem_alloc())
            about = {"number": self._journal["number"], "step": step, "done": done, "total": total}
            self._link.publish("progress", about)
        mode = ";update" if self._power.is_alone else ""
        return "%s;%d;%d%s" % (step, done, total, mode)
