"""Bodies of requests: sizes are checked before reading, JSON before anybody uses it."""

import json

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from host.errors import HostError
from host.services.manifest import NUMBER_MAX


def read(limit, word="too-large"):
    """The body, at most `limit` bytes; a longer one is refused unread, with `word`."""
    request.max_content_length = limit
    try:
        return request.get_data()
    except RequestEntityTooLarge as error:
        raise HostError(word, f"The body may have {limit} bytes.") from error


def fields(limit=16 * 1024):
    """The JSON object in the body, `{}` where there is none."""
    value = decode(read(limit) or b"{}")
    if not isinstance(value, dict):
        raise HostError("bad-request", "The body must be a JSON object.")
    return value


def decode(content, errors="strict"):
    """JSON whose strings can be stored. `errors` is of bytes.decode: boards may cut a letter."""
    try:
        value = json.loads(content.decode("utf-8", errors), parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8", errors)  # no lone surrogates
    except (ValueError, RecursionError) as error:
        raise HostError("bad-request", f"The body is not JSON: {error}") from error
    return value


def text(value, name, most, default=None):
    """A text field of an object, stripped; refused if it is missing, empty or too long."""
    given = value.get(name, default)
    is_good = isinstance(given, str) and given.strip() and len(given.strip()) <= most
    if given is default and default is not None:
        return default
    if not is_good or "\0" in given:
        raise HostError("bad-request", f'"{name}" must be a text of 1 to {most} characters.')
    return given.strip()


def _refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def number(value, name):
    """The number of a release, or of metadata, in an object."""
    given = value.get(name)
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= NUMBER_MAX:
        raise HostError("bad-request", f'"{name}" must be a number from 1 to {NUMBER_MAX}.')
    return given
