"""Registering: when, with what, and what is remembered."""

import pytest

REGISTRATION = """
import asyncio, esp32
from host import Http
from device.store import Config
from device.errors import DeviceError
from device.identity import Identity
from device.log import Log
from device.store import Nvs
from device.registration import Registration
from device.store import Store
store, nvs, log = Store(given[0]), Nvs(), Log()
store.save("config.json", {"product": "blink", "model": "ESP32_GENERIC"})
identity = Identity(nvs, Config(store))
def build(*answers):
    global http
    http = Http(*answers)
    return Registration(http, store, nvs, identity, 3, log)
def ensure(registration):
    try:
        asyncio.run(registration.ensure())
        return "ok"
    except DeviceError as e:
        return e.code
CLAIMED = {"state": "claimed"}
"""


@pytest.fixture
def check(on_board, tmp_path):
    return lambda script: on_board(REGISTRATION + script, str(tmp_path / "state"))


def test_a_new_board_says_who_it_is(check):
    lines = check(
        "ensure(build(CLAIMED))\npath, body, authorized = http.posted[0]\n"
        "print(path, authorized, len(body.pop('secret')), body.pop('firmware') != '')\n"
        "print(json.dumps(sorted(body.items())))"
    )
    assert lines[-2:] == [
        "/register False 64 True",
        '[["abi", 6], ["id", "246f28010203"], ["mac", "24:6f:28:01:02:03"], '
        '["metadata", {}], ["model", "ESP32_GENERIC"], ["number", 3], ["product", "blink"]]',
    ]


def test_a_token_is_sent_and_erased_once_the_host_said_200(check):
    lines = check(
        "nvs.set_blob('token', b'tok')\nensure(build('timeout'))\nprint(nvs.blob('token'))\n"
        "ensure(build(CLAIMED))\nprint(http.posted[0][1]['token'], nvs.blob('token'))"
    )
    assert [line for line in lines if not line.startswith("mpfleet")] == ["b'tok'", "tok None"]


def test_a_claimed_board_does_not_register_again(check):
    assert check("ensure(build(CLAIMED))\nensure(build())\nprint(http.posted)")[-1] == "[]"


def test_an_unclaimed_board_registers_at_each_start_and_shows_its_code(check):
    lines = check(
        """
answer = {'state': 'unclaimed', 'claim_code': 'ABCD-EFGH', 'claim_url': 'https://x/claim'}

"""
        "ensure(build(answer))\nensure(build(answer))\nprint(len(http.posted))"
    )
    assert lines[-1] == "1"
    assert len([line for line in lines if "claim code ABCD-EFGH https://x/claim" in line]) == 2


def test_a_forgotten_board_registers_again(check):
    lines = check(
        "r = build(CLAIMED, CLAIMED)\nensure(r)\nr.forget()\nensure(r)\nprint(len(http.posted))"
    )
    assert lines[-1] == "2"


@pytest.mark.parametrize("status", (400, 409, 410, 429, 500))
def test_a_refusal_is_raised_and_tried_anew(check, status):
    lines = check(f"r = build({status}, CLAIMED)\nprint(ensure(r), ensure(r))")
    assert lines[-1] == f"http-{status} ok"


@pytest.mark.parametrize("answer", ("[1]", "None", "7.5"))
def test_an_answer_that_is_no_object_is_bad(check, answer):
    assert check(f"print(ensure(build({answer})))")[-1] == "bad-answer"


def test_a_full_flash_does_not_keep_it_from_registering(check):
    lines = check(
        """
from device.errors import StorageFull
def full(name, value):
    raise StorageFull("storage-full", name)
store.save = full
print(ensure(build(CLAIMED)))
"""
    )
    assert lines[-1] == "ok"


def test_a_refused_token_is_said(check):
    lines = check("ensure(build({'state': 'unclaimed', 'token': 'refused'}))")
    assert any("the enrolment token was refused" in line for line in lines)


def test_the_code_of_the_claim_url_is_sent_until_the_host_said_200(check):
    lines = check(
        "store.save('claim.json', {'code': 'ABCD-EFGH'})\nensure(build('timeout'))\n"
        "print(store.load('claim.json', {}))\nensure(build({'state': 'unclaimed'}))\n"
        "print(http.posted[0][1]['code'], store.load('claim.json', {}))\n"
        "ensure(build({'state': 'unclaimed'}))\nprint('code' in http.posted[0][1])"
    )
    said = [line for line in lines if not line.startswith("mpfleet")]
    assert said == ["{'code': 'ABCD-EFGH'}", "ABCD-EFGH {}", "False"]


@pytest.mark.parametrize(
    ("before", "state", "after"),
    ((0, "unclaimed", -1), (600, "claimed", -2), (-1, "claimed", -2), (-2, "unclaimed", -2)),
)
def test_a_board_that_the_host_knows_never_stands_open_again(check, before, state, after):
    lines = check(
        f"nvs.set_number('opened', {before})\nensure(build({{'state': '{state}'}}))\n"
        "print(nvs.number('opened'))"
    )
    assert lines[-1] == str(after)
