"""Reports of boards: kept, counted once, and what they say applied to device and assignment.

Boards may be older or newer than the host, so a field that is odd is dropped or cut, not refused:
a report that can never be delivered would block those behind it.
"""

from datetime import UTC, datetime

from sqlalchemy import delete, func, or_, select

from device import protocol
from host.errors import HostError
from host.models import Device, Report
from host.rollouts.fingerprint import fingerprint
from host.services import assignments
from host.services.clock import utc
from host.services.presence import is_number, text

_KEY_CHARS = 16
_TRACEBACK_CHARS = 2048
_LOG_LINES = 20
_LOG_LINE_CHARS = 200
_STRANGERS_KEPT = 8  # of an unclaimed device: strangers must not fill the disk
_OVER = ("done", "failed", "refused")

_TEXTS = {"kind": 16, "outcome": 16, "step": 16, "reason": 32, "detail": 200,
          "traceback": _TRACEBACK_CHARS}  # fmt: skip
_NUMBERS = ("assignment", "number", "running")
_COUNTS = ("heap", "bytes")  # objects of numbers


def accept(session, settings, device, items, *, now=None):
    """Store what is new of a list of reports; how many that were.

    Raises: HostError `bad-request`, if it is no list of at most 8 reports with a key each.
    """
    _check(items)
    now = utc(now)
    seen = _known_keys(session, device, [item["key"] for item in items])
    fresh = {item["key"]: item for item in items if item["key"] not in seen}
    for item in fresh.values():
        report = Report(device_id=device.id, received_at=now, **_fields(item))
        session.add(report)
        _apply(session, device, report, now)
    session.flush()
    _prune(session, settings, device)
    return len(fresh)


def of(session, device, limit=50, since=None):
    """The newest reports of a device."""
    query = select(Report).where(Report.device_id == device.id)
    if since is not None:
        query = query.where(Report.received_at >= since)
    return list(session.scalars(query.order_by(Report.id.desc()).limit(limit)))


def newest(session, device_ids):
    """The newest report of each device, by device id; none of before it came to its people."""
    ids = (
        select(func.max(Report.id))
        .join(Device, Device.id == Report.device_id)
        .where(Report.device_id.in_(device_ids))
        .where(or_(Device.owned_since.is_(None), Report.received_at >= Device.owned_since))
        .group_by(Report.device_id)
    )
    found = session.scalars(select(Report).where(Report.id.in_(ids)))
    return {report.device_id: report for report in found}


def _check(items):
    is_list = isinstance(items, list) and len(items) <= protocol.REPORTS_MAX
    if not is_list or not all(map(_has_key, items)):
        raise HostError("bad-request", "At most 8 reports, each with a key of 16 hex digits.")


def _has_key(item):
    key = item.get("key") if isinstance(item, dict) else None
    return isinstance(key, str) and len(key) == _KEY_CHARS and set(key) <= set("0123456789abcdef")


def _known_keys(session, device, keys):
    query = select(Report.key).where(Report.device_id == device.id, Report.key.in_(keys))
    return set(session.scalars(query))


def _fields(item):
    fields = {"key": item["key"], "time": _moment(item.get("time"))}
    fields["log"] = _lines(item.get("log"))
    for name, length in _TEXTS.items():
        value = item.get(name)
        fields[name] = text(value, length) if isinstance(value, str) else None
    for name in _NUMBERS:
        fields[name] = item.get(name) if is_number(item.get(name)) else None
    for name in _COUNTS:
        fields[name] = _numbers(item.get(name))
    fields["kind"] = fields["kind"] or "other"
    fields["fingerprint"] = fingerprint(fields["traceback"])
    return fields


def _moment(seconds):
    return datetime.fromtimestamp(seconds, UTC) if is_number(seconds) and seconds else None


def _lines(value):
    if not isinstance(value, list):
        return None
    lines = [text(line, _LOG_LINE_CHARS) for line in value if isinstance(line, str)]
    return lines[-_LOG_LINES:]


def _numbers(value):
    if not isinstance(value, dict):
        return None
    return {text(k, 32): v for k, v in list(value.items())[:8] if is_number(v)}


def _apply(session, device, report, now):
    if report.kind == "update":
        _conclude(session, device, report, now)
    if report.running is not None:
        assignments.runs(session, device, report.running, now=now)


def _conclude(session, device, report, now):
    if report.assignment is not None:
        assignments.conclude(
            session, device, report.assignment, report.outcome, report.reason, now=now
        )
    if report.outcome in _OVER:
        device.progress = None


def _prune(session, settings, device):
    kept = _STRANGERS_KEPT if device.state == "unclaimed" else settings.reports_kept
    query = select(Report.id).where(Report.device_id == device.id)
    oldest_kept = session.scalar(query.order_by(Report.id.desc()).offset(kept - 1).limit(1))
    if oldest_kept is not None:
        session.execute(
            delete(Report).where(Report.device_id == device.id, Report.id < oldest_kept)
        )
