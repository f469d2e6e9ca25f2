"""Reports wait in /state until the host has them: no reset, no cut loses one (SPEC section 8)."""

import os
from binascii import hexlify

from micropython import const

from device.errors import HttpError, StorageFull
from device.protocol import REPORTS_MAX

_FILE = const("reports.json")
_LIMITS = {"detail": 200, "traceback": 2000}  # characters
_LOGS = const(2)  # how many reports that wait keep their log lines
_POISON = (400, 413, 422)  # the host will never take this one


class Reports:
    """The queue. `running` is the release that runs, committed: not one on trial."""

    def __init__(self, store, clock, log, running):
        self._store = store
        self._clock = clock
        self._log = log
        self.running = running
        self._queue = store.load(_FILE, [])

    def add(self, kind, **fields):
        """Queue a report of these fields (SPEC section 8). The oldest goes when nine wait."""
        fields["kind"] = kind
        fields["key"] = hexlify(os.urandom(8)).decode()
        fields["time"] = self._clock.now()
        fields["running"] = self.running
        if fields.get("outcome") != "done":
            fields.setdefault("log", list(self._log.lines))
        for name, limit in _LIMITS.items():
            if fields.get(name):
                fields[name] = fields[name][-limit:]  # the end says what happened
        self._queue.append(fields)
        if len(self._queue) > REPORTS_MAX:
            self._queue.pop(0)
        for old in self._queue[:-_LOGS]:
            old.pop("log", None)  # a board that is long offline keeps its heap
        self._save()

    async def deliver(self, http):
        """Send what waits, oldest first, one at a time to spare the heap.

        Raises:
            NetworkError, HttpError: what was not taken still waits.
        """
        while self._queue:
            report = self._queue[0]
            try:
                await (await http.post("/reports", [report])).read(1024)
            except HttpError as e:
                if e.status not in _POISON:
                    raise
                self._log("report", "the host refuses a report:", e.code)
            if self._queue and self._queue[0] is report:  # none was pushed out meanwhile
                self._queue.pop(0)
                self._save()

    def _save(self):
        try:
            if self._queue:
                self._store.save(_FILE, self._queue)
            else:
                self._store.remove(_FILE)
        except StorageFull:  # it waits in RAM: an update can make room, a reset would lose it
            self._log("report", "no room to keep a report")
