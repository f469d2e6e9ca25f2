"""The page of events: who did what, when and why."""

from flask import request

from host.access import person
from host.extensions import session
from host.services import events
from host.web import pages

blueprint = pages.page_blueprint("events")

_PAGE = 100
_DIGITS_MAX = 10


@blueprint.get("/events")
def listed():
    """A page of events, newest first."""
    before = request.args.get("before", "")
    is_number = before.isascii() and before.isdecimal() and len(before) <= _DIGITS_MAX
    subject = request.args.get("subject") or None
    found = events.listed(
        session(), person(), subject=subject, before=int(before) if is_number else None,
        limit=_PAGE,
    )  # fmt: skip
    return pages.render(
        "events.html", events=found, subject=subject, is_full=len(found) == _PAGE
    )
