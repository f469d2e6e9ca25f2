"""The console in a real browser, against a real `mpfleet serve` and a board that talks to it."""

import contextlib
import queue
import ssl
from pathlib import Path

import pytest
import requests
from paho.mqtt import client as mqtt
from playwright.sync_api import expect

from device import protocol
from examples.fleet import publish
from tests import chromium

BLINK = Path(__file__).parents[2] / "examples" / "blink"
BOARD, SECRET = "240ac4000001", "5" * 64
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 800}
PAGES = (
    "/", f"/devices/{BOARD}", "/releases", "/releases/blink/1", "/claim", "/people", "/people/1",
    "/account", "/rollouts", "/events", "/nowhere",
)  # fmt: skip
FAILED_UPDATE = {
    "key": "0123456789abcdef",
    "kind": "update",
    "outcome": "failed",
    "number": 1,
    "step": "trial",
    "reason": "app-raised",
    "detail": "ValueError('a_word_that_is_wider_than_any_phone_and_has_no_place_to_break_it')",
    "traceback": "Traceback (most recent call last):\n"
    '  File "app/main.py", line 4, in main\nValueError: ' + "wide " * 40,
}

pytestmark = chromium.needed


class Board:
    """Speaks to the host as a board does that was deployed a moment ago."""

    def __init__(self, host):
        self._host = host
        self._ca = host.folder / "pki" / "ca.pem"
        self._mqtt = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, BOARD)
        self.heard = queue.Queue()

    def register(self, token):
        """Say who it is, with an enrolment token."""
        about = {"id": BOARD, "secret": SECRET, "product": "blink", "model": "ESP32_GENERIC"}
        self._post("/register", {**about, "token": token})

    def report(self, report):
        """Say what happened."""
        self._post("/reports", [report])

    def connect(self):
        """Log on at the broker, say so, and listen."""
        self._mqtt.username_pw_set(BOARD, SECRET)
        tls = ssl.create_default_context(cafile=self._ca)
        self._mqtt.tls_set_context(tls)
        self._mqtt.on_message = lambda _client, _user, message: self.heard.put(message.payload)
        self._mqtt.connect("127.0.0.1", self._host.mqtt_port)
        self._mqtt.subscribe(protocol.topic(BOARD, "notify"))
        status = '{"online": true, "slot": "a", "mode": "active", "firmware": "v1.26.0"}'
        self._mqtt.publish(protocol.topic(BOARD, "status"), status, retain=True)
        self._mqtt.loop_start()

    def close(self):
        """Hang up."""
        self._mqtt.disconnect()
        self._mqtt.loop_stop()

    def _post(self, path, value):
        headers = {"Authorization": protocol.credentials(BOARD, SECRET)}
        url = f"{self._host.url}{protocol.API}{path}"
        answer = requests.post(url, json=value, headers=headers, verify=self._ca, timeout=10)
        answer.raise_for_status()


class Console:
    """A page of the browser, and what it complained of."""

    def __init__(self, page, host, password):
        self.page, self._host, self._password = page, host, password
        self.complaints = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)

    def _note(self, said):
        if said.type in ("error", "warning"):
            self.complaints.append(f"{said.text} {said.location}")

    def open(self, path="/"):
        """Go to a page."""
        self.page.goto(self._host.url + path)

    def sign_in(self):
        """Sign in as the first account."""
        self.open()
        self.page.get_by_label("E-mail").fill("admin@mpfleet")
        self.page.get_by_label("Password").fill(self._password)
        self.press("Sign in")

    def press(self, name):
        """Press a button."""
        self.page.get_by_role("button", name=name).click()

    def heading(self):
        """The page's title, once it is there."""
        return self.page.get_by_role("heading", level=1)

    def excess_width(self, path):
        """Pixels by which a page is wider than the window."""
        self.open(path)
        root = "document.documentElement"
        return self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")


@pytest.fixture(scope="module")
def browser():
    with chromium.browsing() as browser:
        yield browser


@pytest.fixture
def person(host):
    with contextlib.closing(host.sign_in()) as client:
        yield client


@pytest.fixture
def board(host):
    with contextlib.closing(Board(host)) as board:
        yield board


@pytest.fixture
def console(browser, host):
    with browser.new_context(viewport=DESK, ignore_https_errors=True) as context:
        yield Console(context.new_page(), host, host.password)


def test_a_visit_from_signing_in_to_signing_out(console, person, board):
    console.sign_in()
    expect(console.page.get_by_role("heading", name="No devices yet")).to_be_visible()

    board.register(person.enrolment_token())
    board.connect()
    row = console.page.get_by_role("row", name=BOARD)  # by itself: the page is not loaded again
    expect(row).to_contain_text("online", timeout=15_000)

    row.get_by_role("link", name=BOARD).click()
    expect(console.heading()).to_have_text(BOARD)
    while not board.heard.empty():  # it was called when it was claimed, too
        board.heard.get()
    console.press("Update now")
    expect(console.page.get_by_role("status")).to_contain_text("told to look for its release")
    assert board.heard.get(timeout=10) == b'{"what": "check"}'

    console.press("Sign out")
    expect(console.heading()).to_have_text("Sign in")
    console.open(f"/devices/{BOARD}")
    expect(console.heading()).to_have_text("Sign in")
    assert console.complaints == []


def test_no_page_is_wider_than_a_phone(console, person, board):
    publish(person, BLINK, "")
    board.register(person.enrolment_token())
    board.report(FAILED_UPDATE)
    console.page.set_viewport_size(PHONE)
    before = console.excess_width("/sign-in")
    console.sign_in()
    expect(console.heading()).to_have_text("Devices")
    assert {"/sign-in": before, **{path: console.excess_width(path) for path in PAGES}} == (
        dict.fromkeys(("/sign-in", *PAGES), 0)
    )
