"""A person at a terminal: two lines in, answers in words."""

import pytest


@pytest.fixture
def talk(terminal):
    said = []
    one = terminal.Terminal(said.append)
    one.said = said
    return one


@pytest.mark.parametrize(
    "typed",
    (
        [b"home\nsecret12\n"],
        [b"home\rsecret12\r"],
        [b"home\r\nsecret12\r\n"],
        [b"ho", b"me\r", b"\nsecret", b"12\r", b"\n"],
    ),
    ids=("LF", "CR", "both", "in pieces"),
)
def test_two_lines_are_a_name_and_a_password(talk, typed):
    assert [one for data in typed for one in talk.feed(data)] == [(b"home", b"secret12")]


def test_an_empty_second_line_is_an_open_network(talk):
    assert talk.feed(b"cafe\r\n\r\n") == [(b"cafe", b"")]


def test_an_empty_first_line_asks_for_the_name(talk):
    assert talk.feed(b"\n") == []
    assert talk.said == ["Name of the WiFi network?"]


def test_the_password_is_asked_for(talk):
    talk.feed(b"home\n")
    assert talk.said == ["Password? (empty: none)"]


def test_two_tries_may_come_at_once(talk):
    assert talk.feed(b"a\n1\nb\n2\n") == [(b"a", b"1"), (b"b", b"2")]


def test_a_line_without_end_takes_no_memory_without_end(talk):
    talk.feed(b"x" * 5000)
    [(ssid, _)] = talk.feed(b"\n\n")
    assert len(ssid) == 128


def test_who_leaves_half_way_leaves_nothing_behind(talk):
    talk.feed(b"home\nsec")
    talk.forget()
    assert talk.feed(b"cafe\n\n") == [(b"cafe", b"")]


@pytest.mark.parametrize("number", (1, 2, 3, 4))
def test_states_are_said_to_who_typed_something(talk, number):
    talk.state(number)
    assert talk.said == []
    talk.feed(b"home\n\n")
    talk.said.clear()
    talk.state(number)
    assert len(talk.said) == 1


@pytest.mark.parametrize("number", (1, 3, 4, 5, 255))
def test_errors_are_said_in_words(talk, number):
    talk.error(number)
    assert talk.said[0].endswith(".")


def test_no_error_is_not_said(talk):
    talk.error(0)
    assert talk.said == []


def test_the_claim_url_is_said(talk):
    talk.result(1, (b"https://10.0.0.1:8443/claim",))
    assert talk.said[0].endswith("https://10.0.0.1:8443/claim")
