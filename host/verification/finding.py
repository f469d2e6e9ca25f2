"""What one check says of a release: a level, a title, a sentence for people, and its log. Pure."""

from typing import NamedTuple

PASS, WARN, FAIL = "pass", "warn", "fail"
LEVELS = (PASS, WARN, FAIL)
LOG_CHARS_MAX = 16_000  # the end of a log counts most
_TITLE_CHARS_MAX, _SENTENCE_CHARS_MAX = 80, 1000
_NOT_SHOWN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))


class Finding(NamedTuple):
    """One line of the gate's verdict."""

    check: str  # name of the check
    level: str
    title: str
    sentence: str
    log: str = ""

    def bounded(self):
        """The same, as long as it may be kept: what runs a release is not trusted to be brief."""
        return Finding(
            self.check,
            self.level,
            _clean(self.title)[:_TITLE_CHARS_MAX],
            _clean(self.sentence)[:_SENTENCE_CHARS_MAX],
            _clean(self.log)[-LOG_CHARS_MAX:],
        )


def fails(findings):
    """Whether any of them keeps a release from being approved."""
    return any(one.level == FAIL for one in findings)


def _clean(text):
    return text.encode("utf-8", "replace").decode().translate(_NOT_SHOWN)
