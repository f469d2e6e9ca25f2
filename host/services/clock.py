"""The time as services see it: handed in by tests and callers, else now."""

from datetime import UTC, datetime


def utc(now=None):
    """`now`, or the present moment where the caller has no opinion."""
    return datetime.now(UTC) if now is None else now
