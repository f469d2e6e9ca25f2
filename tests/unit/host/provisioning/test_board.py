"""What is said to a board in order, and what it is spared."""

import asyncio

import pytest

from host.provisioning import Identity, Network, ProvisioningError, sequence
from host.provisioning.board import check, networks
from host.provisioning.errors import refusal


class Paper:
    """A board on paper: it notes what is asked of it."""

    def __init__(self, is_authorized=True):
        self.done, self._is_authorized = [], is_authorized

    async def identity(self):
        return Identity("mpfleet", "v1.26.0", "ESP32_GENERIC", "mpfleet-a1b2c3")

    async def is_authorized(self):
        return self._is_authorized

    async def wait_until_authorized(self):
        self.done.append("pressed")

    async def rename(self, hostname):
        self.done.append(hostname)

    async def join(self, ssid, password):
        self.done.append((ssid, password))
        return "https://fleet/claim?code=ABCD-EFGH"


def played(board, hostname=""):
    said = []
    say = lambda step, text: said.append(step)  # noqa: E731
    return asyncio.run(sequence(board, "home", "secret12", hostname, say)), said


def test_a_board_that_is_open_is_given_its_network():
    board = Paper()
    address, said = played(board)
    assert (address, board.done) == ("https://fleet/claim?code=ABCD-EFGH", [("home", "secret12")])
    assert said == ["board", "join", "joined"]


def test_a_press_of_the_button_is_asked_for_before_anything_is_handed_over():
    board = Paper(is_authorized=False)
    _, said = played(board, "kitchen")
    assert board.done == ["pressed", "kitchen", ("home", "secret12")]
    assert said == ["board", "button", "name", "join", "joined"]


@pytest.mark.parametrize("ssid", ("", "x" * 33, "ä" * 17))
def test_a_name_that_no_network_has_is_refused(ssid):
    with pytest.raises(ProvisioningError) as caught:
        check(ssid, "")
    assert caught.value.code == "bad-ssid"


@pytest.mark.parametrize("password", ("1234567", "x" * 64, "f" * 65))
def test_a_password_that_no_network_has_is_refused(password):
    with pytest.raises(ProvisioningError) as caught:
        check("home", password)
    assert caught.value.code == "bad-password"


@pytest.mark.parametrize("password", ("", "12345678", "x" * 63, "0f" * 32))
def test_a_password_that_a_network_may_have_passes(password):
    check("home", password)


def test_each_network_is_listed_once_at_its_strongest():
    heard = [("home", "-80", "WPA2"), ("cafe", "-70", "NO"), ("home", "-50", "WPA2")]
    heard.append(("", "-1", "NO"))
    assert networks(heard) == [Network("home", -50, False), Network("cafe", -70, True)]


@pytest.mark.parametrize(
    ("code", "word"),
    (
        (1, "invalid-packet"),
        (2, "unknown-command"),
        (3, "unable-to-connect"),
        (4, "not-authorized"),
        (5, "bad-hostname"),
        (255, "board-refused"),
        (77, "board-refused"),
    ),
)
def test_each_of_improv_s_errors_has_a_word(code, word):
    assert refusal(code).code == word
