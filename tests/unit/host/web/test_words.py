"""How values are shown to people."""

from datetime import UTC, datetime, timedelta

import pytest

from host.web import words

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AGES = (
    (-5, "just now"), (0, "just now"), (4, "just now"), (5, "5 s ago"), (59, "59 s ago"),
    (60, "1 min ago"), (3599, "59 min ago"), (3600, "1 h ago"), (86400, "1 day ago"),
    (86400 * 2, "2 days ago"), (86400 * 60, "2026-09-25"),
)  # fmt: skip


@pytest.mark.parametrize(("seconds", "shown"), AGES)
def test_an_age_is_rounded_down(seconds, shown):
    assert words.ago(NOW - timedelta(seconds=seconds), NOW) == shown


def test_what_never_was_was_never():
    assert (words.ago(None), words.stamp(None)) == ("never", "")


@pytest.mark.parametrize(
    ("count", "shown"), ((0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1234567, "1,234.6 kB"))
)
def test_a_size_is_short(count, shown):
    assert words.size(count) == shown


CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
BROWSERS = (
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
    (f"Mozilla/5.0 (Linux; Android 15) {CHROME} Mobile Safari/537.36", "Chrome on Android"),
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/142.0",
     "Edge on Windows"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
     "Safari on iPhone"),
    ("curl/8.5", "curl/8.5"),
    ("", "browser"),
)  # fmt: skip


@pytest.mark.parametrize(("agent", "called"), BROWSERS)
def test_a_browser_is_called_as_people_call_it(agent, called):
    assert words.browser(agent) == called
