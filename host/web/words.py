"""How values are shown to people: times, sizes, states. Pure, used as template filters."""

from datetime import UTC, datetime

# Of a device: the word shown, and the colour class of style.css.
_STATES = {
    "claimed": {True: ("online", "good"), False: ("offline", "quiet")},
    "unclaimed": {True: ("unclaimed", "notice"), False: ("unclaimed", "notice")},
    "conflict": {True: ("conflict", "bad"), False: ("conflict", "bad")},
    "retired": {True: ("retired", "quiet"), False: ("retired", "quiet")},
}
_OUTCOMES = {
    "done": "good",
    "approved": "good",
    "verified": "good",
    "rejected": "bad",
    "pass": "good",
    "warn": "notice",
    "fail": "bad",
    "failed": "bad",
    "refused": "bad",
    "offered": "notice",
    "started": "notice",
    "running": "notice",
    "paused": "bad",
    "finished": "good",
    "lost": "bad",
    "draft": "notice",
    "verifying": "notice",
}
_AGES = (  # below so many seconds: in this unit
    (5, None, "just now"),
    (60, 1, "s ago"),
    (3600, 60, "min ago"),
    (86400, 3600, "h ago"),
    (86400 * 2, 86400, "day ago"),
    (86400 * 60, 86400, "days ago"),
)
_KB = 1000
# The first mark that is there decides: browsers name those that they want to be taken for.
_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"),
             ("Chrom", "Chrome"), ("CriOS", "Chrome"), ("Safari", "Safari"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS", "Mac"), ("Linux", "Linux"))  # fmt: skip


def state(device):
    """(word, colour) of a device."""
    return _STATES[device.shown_state][device.online]


def colour(word):
    """Colour class of an outcome or state."""
    return _OUTCOMES.get(word, "quiet")


def ago(moment, now=None):
    """How long ago, roughly."""
    if moment is None:
        return "never"
    seconds = max(0, ((now or datetime.now(UTC)) - moment).total_seconds())
    for below, unit, name in _AGES:
        if seconds < below:
            return f"{int(seconds // unit)} {name}" if unit else name
    return moment.strftime("%Y-%m-%d")


def stamp(moment):
    """The exact time, for the curious."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def browser(agent):
    """What a browser calls itself, as people call it: "Firefox on Linux"."""
    names = [name for mark, name in _BROWSERS if mark in agent]
    systems = [name for mark, name in _SYSTEMS if mark in agent]
    said = " on ".join([*names[:1], *systems[:1]])
    return said or agent[:40] or "browser"


def signed_in_as(token):
    """The name of a sign-in: what the person called it, or which browser it is."""
    return browser(token.agent) if token.kind == "browser" else token.name


def size(count):
    """Bytes as people read them."""
    return f"{count} B" if count < _KB else f"{count / _KB:,.1f} kB"


FILTERS = {
    "state": state,
    "colour": colour,
    "ago": ago,
    "stamp": stamp,
    "signed_in_as": signed_in_as,
    "size": size,
}
