"""A person with a phone: finds a new board, gives it WiFi, signs in, and it is theirs."""

import contextlib
import re

import pytest
from playwright.sync_api import expect

from examples.fleet import HOME, plan_for
from host import deploy
from tests import chromium
from tests.bluetooth import bleak_on
from tests.web_bluetooth import ARGUMENTS, WebBluetooth
from tests.web_serial import web_serial

PHONE = {"width": 390, "height": 844}
JOIN_MS = 60_000

pytestmark = chromium.needed


@pytest.fixture
def board(host, air, board_maker):
    """A board that was deployed without WiFi, by nobody in particular, and waits for it."""
    board = board_maker(air=air, access_points=[HOME])
    board.power_on()
    with contextlib.closing(host.sign_in()) as client:
        plan = plan_for(client, "blink", host, claims=False)
        deploy.deploy(board.port, plan, client, lambda event: None)
    board.wait_for("provisioning: as mpfleet-")
    return board


@pytest.fixture
def page(host):
    """A phone's browser, which trusts the host."""
    with chromium.browsing(*ARGUMENTS) as browser:
        context = browser.new_context(ignore_https_errors=True, viewport=PHONE)
        page = context.new_page()
        page.set_default_timeout(30_000)
        yield page


def claim(page, host):
    """From the last step to the board's own page, by way of the sign-in."""
    page.get_by_role("link", name="Make it mine").click()
    page.get_by_label("E-mail").fill("admin@mpfleet")
    page.get_by_label("Password").fill(host.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Name").fill("kitchen")
    page.get_by_role("button", name="Make it mine").click()


def give_wifi(page, password):
    """Fill in the form, as the page offers it."""
    page.get_by_label("Network", exact=True).select_option("=home")
    page.get_by_label(re.compile("^Password")).fill(password)
    page.get_by_role("button", name="Join").click()


def test_a_board_is_set_up_over_bluetooth_and_claimed(host, board, page, air, monkeypatch):
    with bleak_on(air, monkeypatch):
        radio = WebBluetooth(page.context.browser, page, air)
        radio.offer(board)
        page.goto(f"{host.url}/setup")
        page.get_by_role("button", name="Find it by Bluetooth").click()
        expect(page.get_by_text("ESP32_GENERIC")).to_be_visible()
        give_wifi(page, "wrong-secret")
        expect(page.get_by_role("alert")).to_contain_text("could not join", timeout=JOIN_MS)
        give_wifi(page, HOME.password)
        expect(page.get_by_role("heading", name="It is in home")).to_be_visible(timeout=JOIN_MS)
        radio.close()
    claim(page, host)
    expect(page.get_by_role("heading", level=1)).to_have_text("kitchen")
    board.wait_for("link: online")


def test_a_board_is_set_up_over_a_cable_and_claimed(host, board, page):
    with web_serial(page, board.port):
        page.goto(f"{host.url}/setup")
        page.get_by_role("button", name="Connect it by USB").click()
        expect(page.get_by_text("ESP32_GENERIC")).to_be_visible()
        give_wifi(page, HOME.password)
        expect(page.get_by_role("heading", name="It is in home")).to_be_visible(timeout=JOIN_MS)
    claim(page, host)
    expect(page.get_by_role("heading", level=1)).to_have_text("kitchen")
