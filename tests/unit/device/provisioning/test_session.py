"""Where provisioning stands: who may, what a command leads to, the open minutes after a deploy."""

import re
from pathlib import Path

import pytest

SPEC = (Path(__file__).parents[4] / "docs/SPEC.md").read_text()
WANTED = (b"home", b"secret12")


def test_a_board_is_closed_at_first(improv, session):
    assert session.Session().state(0) == improv.REQUIRED


def test_a_press_admits_for_a_minute(improv, session):
    one = session.Session()
    one.admit(100)
    assert [one.state(t) for t in (100, 159, 160)] == [2, 2, improv.REQUIRED]


def test_a_press_does_not_shorten_the_open_time(improv, session):
    one = session.Session()
    one.admit(0, 600)
    one.admit(10)
    assert one.state(599) == improv.AUTHORIZED


def test_a_trusted_line_needs_no_press(improv, session):
    assert session.Session().state(0, is_trusted=True) == improv.AUTHORIZED


def test_states_follow_the_attempt(improv, session):
    one = session.Session()
    one.admit(0)
    assert one.begin(WANTED, 1)
    assert one.state(2) == improv.PROVISIONING
    one.succeed("https://…")
    assert one.state(3) == improv.PROVISIONED


def test_after_a_failure_whoever_was_admitted_may_try_again(improv, session):
    one = session.Session()
    one.admit(0)
    one.begin(WANTED, 59)
    one.fail(89)
    assert [one.state(t) for t in (89, 148, 149)] == [2, 2, improv.REQUIRED]


def test_a_failure_over_the_cable_admits_nobody_else(improv, session):
    one = session.Session()
    one.begin(WANTED, 0)
    one.fail(30)
    assert one.state(30) == improv.REQUIRED


def test_the_same_again_is_no_second_attempt(session):
    one = session.Session()
    assert one.begin(WANTED, 0)
    assert not one.begin(WANTED, 1)
    one.succeed("https://…")
    assert not one.begin(WANTED, 2)


@pytest.mark.parametrize("is_over", (False, True))
def test_other_credentials_meanwhile_are_refused(improv, session, is_over):
    one = session.Session()
    one.begin(WANTED, 0)
    if is_over:
        one.succeed("https://…")
    with pytest.raises(improv.ImprovError) as caught:
        one.begin((b"evil", b""), 1)
    assert caught.value.number == improv.UNKNOWN


def test_a_failed_network_may_be_tried_once_more(session):
    one = session.Session()
    one.begin(WANTED, 0)
    one.fail(1)
    assert one.begin(WANTED, 2)


def test_commands_are_taken_in_the_states_that_the_docs_say(improv, session):
    table = SPEC[SPEC.index("| state | | command") :]
    table = table[: table.index("\n\n")]
    rows = re.findall(r"^\|[^|]*\|[^|]*\| (\d) [^|]*\| ([^|]*) \|", table, re.MULTILINE)
    documented = {int(n): set(re.findall(r"\d", said)) or set("1234") for n, said in rows}
    documented[improv.SETTINGS] |= {"3", "4"}  # the same settings once more
    taken = {
        n: {str(i + 1) for i, found in enumerate(row) if isinstance(found, str)}
        for n, row in session.ACTIONS.items()
    }
    assert taken == documented


@pytest.mark.parametrize("state", (1, 2, 3, 4))
@pytest.mark.parametrize("command", (0, 6, 7, 255))
def test_other_commands_are_unknown(improv, session, command, state):
    with pytest.raises(improv.ImprovError) as caught:
        session.action(command, state)
    assert caught.value.number == improv.UNKNOWN_COMMAND


def test_ten_minutes_are_charged_one_by_one(session):
    charged, opened = [], 0
    while opened is not None:
        charged.append(opened)
        opened = session.next_charge("open", opened)
    assert charged == list(range(0, 601, 60))


@pytest.mark.parametrize(
    ("mode", "opened"),
    (("button", 0), ("off", 0), ("open", 600), ("open", -1), ("open", -2)),
    ids=("button", "off", "used up", "was online", "was claimed"),
)
def test_nothing_stands_open_then(session, mode, opened):
    assert session.next_charge(mode, opened) is None


def test_a_network_replaces_its_namesake_and_comes_first(session):
    known = [{"ssid": "a", "password": "1"}, {"ssid": "home", "password": "old"}]
    assert session.added(known, b"home", b"new") == [
        {"ssid": "home", "password": "new"},
        {"ssid": "a", "password": "1"},
    ]


def test_eight_networks_are_kept(session):
    known = [{"ssid": str(n), "password": ""} for n in range(8)]
    found = session.added(known, b"home", b"")
    assert [n["ssid"] for n in found] == ["home", *"0123456"]


def test_a_name_that_is_no_text_is_kept_in_hex(session):
    found = session.added([{"ssid_hex": "ff00", "password": "x"}], b"\xff\x00", b"")
    assert found == [{"ssid_hex": "ff00", "password": ""}]


@pytest.mark.parametrize(
    ("host", "code", "url"),
    (
        (
            {"addresses": ["10.0.0.1", "10.0.0.2"], "port": 8443},
            "ABCD-EFGH",
            "https://10.0.0.1:8443/claim?device=246f&code=ABCD-EFGH",
        ),
        ({"addresses": ["fd00::1"], "port": 1}, "", "https://[fd00::1]:1/claim?device=246f"),
        (
            {"addresses": ["10.0.0.1"], "port": 1, "console": "https://fleet.example.org"},
            "ABCD-EFGH",
            "https://fleet.example.org/claim?device=246f&code=ABCD-EFGH",
        ),
    ),
    ids=("an address", "IPv6, and a claimed board", "a console of its own"),
)
def test_the_claim_url(session, host, code, url):
    assert session.claim_url(host, "246f", code) == url


def test_each_letter_of_a_code_is_as_likely(session):
    letters = [session.letter(byte) for byte in range(256)]
    counts = {letter: letters.count(letter) for letter in letters}
    assert counts.pop("") == 16
    assert set(counts.values()) == {8}
    assert len(counts) == 30


def test_of_access_points_of_one_name_the_strongest_counts(session):
    entries = [
        (b"far", b"", 1, -80, 3, False),
        (b"home", b"", 1, -70, 3, False),
        (b"home", b"", 6, -40, 3, False),
        (b"open", b"", 1, -50, 0, False),
        (b"", b"", 1, -30, 3, True),
    ]
    assert session.heard(entries) == [
        (b"home", b"-40", b"WPA2"),
        (b"open", b"-50", b"NO"),
        (b"far", b"-80", b"WPA2"),
    ]
