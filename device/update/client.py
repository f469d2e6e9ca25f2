"""Walks an update from the host's assignment to the reset into its trial (DESIGN section 4)."""

import gc
import time

from device.errors import DeviceError, HttpError, Refused, StorageFull
from device.protocol import MANIFEST_BYTES_MAX
from device.update.steps import (
    FAILURE,
    LATER,
    REFUSED,
    SUCCESS,
    after_power_loss,
    assigned,
    next_step,
    outcome_of,
)

_ANSWER_BYTES = 2048
_ROOM_BYTES = 65536  # less free heap than this does not bear MQTT's session beside HTTPS
_TELL_MS = 1000
# Where the journal counts a step's failures.
_COUNTERS = {"plan": "tries", "stage": "tries", "seal": "seals"}


class Client:
    """The first half of an update, `trial` the second. `open_slot(letter)` opens an app slot."""

    def __init__(
        self,
        http,
        record,
        journal,
        open_slot,
        firmware,
        trial,
        reports,
        identity,
        power,
        nvs,
        link,
        log,
    ):
        self._http = http
        self._record = record
        self._journal = journal
        self._open_slot = open_slot
        self._firmware = firmware
        self._trial = trial
        self._reports = reports
        self._identity = identity
        self._power = power
        self._nvs = nvs
        self._link = link
        self._log = log
        self._steps = {
            "plan": self._plan,
            "stage": self._stage,
            "seal": self._seal,
            "activate": self._activate,
        }
        self._slot = self._download = self._manifest = self._parts = None
        self._word = self._detail = None
        self._told_ms = self._peak = 0
        self.has_contact = False  # the host has said what this board is assigned

    async def check(self, answer=None):
        """Ask the host, unless its answer is given; settle the last trial, walk what is assigned.

        Returns seconds to the next poll, or None.

        Raises:
            NetworkError, HttpError: later; what was done so far is kept.
        """
        if answer is None:
            answer = await (await self._http.get("/assignment")).json(_ANSWER_BYTES)
        if not isinstance(answer, dict):
            raise HttpError("bad-answer", 200)
        self.has_contact = True
        if self._record.mode != "trial":
            await self._obey(answer)
        poll_s = answer.get("poll_s")
        return poll_s if isinstance(poll_s, int) and poll_s > 0 else None

    async def trial(self, application, wifi, is_soft=False):
        """What runs is on trial: returns once it is committed, resets where it goes back.

        `is_soft`: this start was a soft reset, which boot.py does not count.
        """
        await self._trial.run(application, wifi, lambda: self.has_contact, is_soft)

    def resume_commit(self):
        """At start, before anything else: finish a commit that power cut off."""
        self._trial.resume_commit()

    async def _obey(self, answer):
        try:
            await self._trial.settle()
            if answer.get("retry_active") is True and self._record.mode == "golden":
                self._record.retry_active()
                await self._power.restart("active again")
            release = assigned(answer)
            if release and release["assignment"] != self._journal["closed"]:
                await self._walk(release)
        except StorageFull as e:  # not even for the boot record or the journal
            self._log("update", e.detail())
        finally:
            self._slot = self._download = self._manifest = self._parts = None
            gc.collect()

    async def _walk(self, release):
        await self._open(release)
        step = after_power_loss(self._journal["step"], False)
        while step in self._steps:
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
            step = after

    async def _open(self, release):
        """What one walk needs, made for it alone: the heap is the application's otherwise."""
        from device.update.download import Download

        journal = self._journal
        if not journal.is_about(release) or journal["step"] not in self._steps:
            journal.begin(release)
        gc.collect()
        if gc.mem_free() < _ROOM_BYTES:
            await self._link.pause()
        self._slot = self._open_slot(self._record.idle)
        self._download = Download(self._http, self._tell)
        self._download.fetched = journal["fetched"]
        self._download.copied = journal["copied"]
        self._peak = journal["peak"]
        self._told_ms = time.ticks_ms() - _TELL_MS  # the first word comes at once

    async def _do(self, step):
        """Note the step, do it, and judge how it went."""
        try:
            self._journal.write(step=step)
            await self._steps[step]()
            return SUCCESS
        except (DeviceError, MemoryError, OSError) as e:
            outcome, self._word = outcome_of(e)
            self._detail = e.detail() if isinstance(e, DeviceError) else repr(e)
            self._log("update", step, self._detail)
            if outcome is None:
                raise
            if outcome == LATER:
                self._report_full(step)
            return outcome
        finally:
            self._journal.keep(peak=self._peak, **self._download.counts())

    async def _plan(self):
        from device.update import plan

        manifest = await self._load()
        plan.judge(manifest, self._about_me())
        parts = await self._open_parts()
        needed = plan.need(manifest, self._journal["size"])
        parts.check(plan, needed, self._nvs.number("rollback", 0) == 1)

    async def _stage(self):
        await (await self._open_parts()).stage(self._download, self._identity.abi)

    async def _seal(self):
        await (await self._open_parts()).seal(self._download)

    async def _activate(self):
        number = self._journal["number"]
        expected = (await self._open_parts()).expected
        self._trial.begin(self._slot.letter, number, expected)
        self._journal.keep(step="trial")
        await self._power.restart("trial of release %d" % number)

    async def _open_parts(self):
        if not self._parts:
            from device.update import plan
            from device.update.firmware import Parts

            manifest = await self._load()
            image = plan.image(manifest, self._identity.model)
            active = self._open_slot(self._record.active)
            self._parts = Parts(manifest, image, self._slot, active, self._firmware)
        return self._parts

    async def _load(self):
        """The manifest of this update: what lies in the slot, else fetched into it."""
        if self._manifest:
            return self._manifest
        from device.update import plan

        digest, size = self._journal["manifest"], self._journal["size"]
        if size > MANIFEST_BYTES_MAX:
            raise Refused("manifest-too-large", size, MANIFEST_BYTES_MAX)
        if not plan.is_digest(digest):
            raise Refused("manifest-invalid", "hash", digest)
        path = await self._slot.fetch_manifest(digest, size, self._download)
        with open(path, "rb") as f:
            self._manifest = plan.parse(f)
        return self._manifest

    def _about_me(self):
        from device.update.firmware import hex_elf

        me = self._identity
        return {
            "product": me.product,
            "model": me.model,
            "abi": me.abi,
            "number": self._nvs.number("number", 0) - self._is_unmanaged(),
            "assigned": self._journal["number"],
            "firmware": hex_elf(self._firmware.running()),
        }

    def _is_unmanaged(self):
        """Whether what runs was changed over USB: then the release it was is taken once more."""
        record = self._record
        return record.mode == "active" and not self._open_slot(record.active).is_sealed

    def _refuse(self, step, outcome):
        """The release is not for this board as it stands: say so, and never start it again."""
        is_final = outcome == REFUSED or step == "plan"
        self._reports.add(
            "update",
            outcome="refused",
            step=step,
            reason=self._word if is_final else "not-staged",
            detail=self._detail,
            **self._journal.about(),
        )
        self._journal.keep(step="check", closed=self._journal["assignment"])
        self._slot.discard()

    def _report_full(self, step):
        """Once for each assignment: it is tried again until there is room."""
        about = self._journal.about()
        if about["assignment"] != self._journal["full"]:
            self._journal.keep(full=about["assignment"])
            about.update(reason="storage-full", step=step, detail=self._detail)
            self._reports.add("storage", **about)

    def _tell(self, done, total):
        """Progress: to whoever watches, once a second; returned as a request's header."""
        step = self._journal["step"]
        now = time.ticks_ms()
        if time.ticks_diff(now, self._told_ms) >= _TELL_MS:
            self._told_ms = now
            gc.collect()  # garbage is no need: what is left is the peak
            self._peak = max(self._peak, gc.mem_alloc())
            about = {"number": self._journal["number"], "step": step, "done": done, "total": total}
            self._link.publish("progress", about)
        return "%s;%d;%d" % (step, done, total)
