"""After a run that ended badly: tells the host, clears the count when all is well, and leads golden back to the active slot."""

import asyncio

_CRASHES = 5  # of the active slot, counted by boot.py: then golden runs
_RETRY_S = 3600  # golden's first wait before it tries the active slot again; doubled each time
_DOUBLINGS_MAX = 5  # a day and a bit
_WATCHDOG = 3  # machine.reset_cause()
_TRACEBACK = "traceback"


class Recovery:
    """What boot.py counted, and what follows from it."""

    def __init__(self, record, reports, store, config, log, retry_active):
        self._record = record
        self._reports = reports
        self._store = store
        self._config = config
        self._log = log
        self._retry_active = retry_active  # async: start the active slot once more, and do not return

    def tell(self, cause):
        """Report how the last run ended. A trial's end is the update's to judge, with the traceback left for it."""
        record = self._record
        if record.mode == "trial" or record.number:
            return
        traceback = self._store.read(_TRACEBACK)
        if record.mode == "golden":
            if record.active != "-":
                self._add(record.reason or "crashes", "the golden runtime runs", traceback)
        elif traceback:
            self._add("start-failed", "crash %d of %d" % (record.crashes, _CRASHES), traceback)
        elif cause == _WATCHDOG:
            self._add("watchdog", "crash %d of %d" % (record.crashes, _CRASHES), None)
        self._store.remove(_TRACEBACK)

    async def run(self):
        """Task: clear the crash count once all is well; or, as golden, try the active slot again, later each time."""
        record = self._record
        if record.mode != "golden":
            await asyncio.sleep(self._config.healthy_s)
            if record.mode == "active" and record.crashes + record.wakes + record.rounds:
                record.change(crashes=0, wakes=0, rounds=0)
                self._log("recovery", "crash count cleared")
        elif record.active != "-":
            wait_s = _RETRY_S << min(record.rounds, _DOUBLINGS_MAX)
            self._log("recovery", "the active slot is tried again in", wait_s, "s")
            await asyncio.sleep(wait_s)
            await self.retry()

    async def retry(self):
        """Golden starts the active slot once more; one more crash brings golden back."""
        if self._record.mode == "golden" and self._record.active != "-":
            await self._retry_active()

    def _add(self, reason, detail, traceback):
        self._log("recovery", reason, detail)
        fields = {"traceback": traceback.decode()} if traceback else {}
        self._reports.add("boot", reason=reason, detail=detail, **fields)
