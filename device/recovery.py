"""How the last run ended, for the host to know, and when golden tries the active slot again."""

from micropython import const

_CRASHES = const(5)  # of the active slot, counted by boot.py: then golden runs
_RETRY_S = const(3600)  # golden's first wait; doubled each time
_DOUBLINGS_MAX = const(5)  # a day and a bit
_WATCHDOG = const(3)  # machine.reset_cause()
_TRACEBACK = "traceback"


def tell(record, reports, store, log, cause):
    """Report how the last run ended. A trial's end, and its traceback, are left to the update."""
    if record.mode == "trial" or record.number:
        return
    traceback = store.read(_TRACEBACK)
    reason = reason_of(record, traceback, cause)
    if reason:
        detail = "crash %d of %d" % (record.crashes, _CRASHES)
        if record.mode == "golden":
            detail = "the golden runtime runs"
        log("recovery", reason, detail)
        more = {"traceback": traceback.decode()} if traceback else {}
        reports.add("boot", reason=reason, detail=detail, **more)
    store.remove(_TRACEBACK)


def reason_of(record, traceback, cause):
    """The word for how the last run ended; None where it ended well."""
    if record.mode == "golden":
        return None if record.active == "-" else record.reason or "crashes"
    if traceback:
        return "start-failed"
    return "watchdog" if cause == _WATCHDOG else None


def retry_s(rounds):
    """Seconds that golden waits before it tries the active slot again, after so many times."""
    return _RETRY_S << min(rounds, _DOUBLINGS_MAX)
