"""The user API of events (SPEC section 11): who did what, when, why."""

from flask import Blueprint, request

from host.access import person
from host.api import answers
from host.errors import HostError
from host.extensions import session
from host.services import events

blueprint = Blueprint("events_api", __name__, url_prefix="/api/v1")

_LIMIT_MAX = 1000
_DIGITS_MAX = 10
_TEXTS = ("subject", "what", "who")


@blueprint.get("/events")
def listed():
    """A page of events, newest first; the next one is of those before its last."""
    given = {name: request.args.get(name) for name in _TEXTS}
    limit = min(_number("limit") or 100, _LIMIT_MAX)
    found = events.listed(session(), person(), before=_number("before"), limit=limit, **given)
    return [answers.event(one) for one in found]


def _number(name):
    given = request.args.get(name)
    if given is None:
        return None
    if not given.isascii() or not given.isdecimal() or len(given) > _DIGITS_MAX:
        raise HostError("bad-request", f'"{name}" must be a number.')
    return int(given)
