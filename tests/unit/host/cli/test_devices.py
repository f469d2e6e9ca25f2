"""Devices on the command line, from their claim to their retirement."""

import itertools
import json
import secrets

import pytest

from host.cli import watch
from host.services import (
    assignments,
    claiming,
    devices,
    presence,
    registration,
    releases,
    reports,
)

_ids = itertools.count(1)


@pytest.fixture
def product(host, signed_in, tmp_path):
    """A product of our own with releases 1 and 2, as if they were approved."""
    name = f"product-{next(_ids)}"
    (tmp_path / "folder/app").mkdir(parents=True)
    description = {"product": name, "boards": ["ESP32_GENERIC"]}
    (tmp_path / "folder/mpfleet.json").write_text(json.dumps(description))
    (tmp_path / "folder/app/main.py").write_text("async def main(board):\n    pass\n")
    for _ in range(2):
        assert signed_in("release", "build", tmp_path / "folder", "--upload").exit_code == 0
    with host.database.begin() as session:
        for release in releases.listed(session, name):
            release.state = "approved"
    return name


@pytest.fixture
def board(host, product):
    """A board that registered without a token; its id and its claim code."""
    device_id = f"24a1600000{next(_ids):02x}"
    fields = {
        "id": device_id,
        "secret": secrets.token_hex(32),
        "product": product,
        "model": "ESP32_GENERIC",
        "mac": ":".join(device_id[n : n + 2] for n in range(0, 12, 2)),
        "abi": 6,
        "firmware": "v1.26.0",
        "number": 1,
    }
    with host.database.begin() as session:
        done = registration.register(session, host.settings, fields, "127.0.0.1")
        code = claiming.code(host.settings, done.device)
    return device_id, code


@pytest.fixture
def kitchen(signed_in, board):
    """The same, claimed under the name of its test's own."""
    name = f"kitchen {board[0]}"
    signed_in("device", "claim", board[1], "--name", name, json_=True)
    return name


def report(host, device_id, outcome, reason=None):
    """What the board would say at the end of its update."""
    with host.database.begin() as session:
        device = devices.known(session, device_id)
        newest = assignments.newest(session, [device_id])[device_id]
        said = {"key": secrets.token_hex(8), "time": 0, "kind": "update", "outcome": outcome}
        said |= {"assignment": newest.id, "number": 2, "step": "trial", "reason": reason}
        said |= {"traceback": "Traceback: line 5\nValueError: x"} if reason else {}
        reports.accept(session, host.settings, device, [said])


def test_a_board_changed_over_usb_is_listed_as_unmanaged(host, signed_in, kitchen, board):
    with host.database.begin() as session:
        said = {"online": True, "number": 0, "slot": "a", "mode": "active"}
        presence.status(session, board[0], said)
    assert "unmanaged" in signed_in("device", "list").output
    assert "number         unmanaged" in signed_in("device", "show", kitchen).output
    assert signed_in("device", "show", kitchen, json_=True)["number"] == 0


def test_a_claimed_board_is_listed_by_its_name(signed_in, kitchen, product):
    listed = signed_in("device", "list", "--product", product, json_=True)
    assert [(d["name"], d["state"]) for d in listed] == [(kitchen, "claimed")]
    assert kitchen in signed_in("device", "list").output


def test_a_board_is_claimed_by_the_address_it_gave(signed_in, board):
    address = f"https://fleet.lan/claim?device={board[0]}&code={board[1]}"
    assert signed_in("device", "claim", address, json_=True)["state"] == "claimed"


def test_the_address_of_a_board_of_one_s_own_leads_to_it(signed_in, board, kitchen):
    address = f"https://fleet.lan/claim?device={board[0]}&code={board[1]}"
    assert signed_in("device", "claim", address, json_=True)["name"] == kitchen


def test_an_address_claims_no_other_board(signed_in, board):
    address = f"https://fleet.lan/claim?device=24a16fffffff&code={board[1]}"
    assert "no-such-code" in signed_in("device", "claim", address).output


def test_a_wrong_code_is_one_line(signed_in):
    result = signed_in("device", "claim", "AAAA-AAAA")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


@pytest.mark.parametrize("form", (str.upper, lambda i: ":".join((i[:6], i[6:]))))
def test_an_id_may_be_written_as_people_write_it(signed_in, kitchen, board, form):
    assert signed_in("device", "show", form(board[0]), json_=True)["name"] == kitchen


def test_an_unknown_device_says_what_to_do(signed_in):
    result = signed_in("device", "show", "attic")
    assert (result.exit_code, "mpfleet device list" in result.output) == (1, True)


def test_a_device_is_renamed(signed_in, kitchen):
    assert signed_in("device", "rename", kitchen, kitchen + "2", json_=True)["name"] == (
        kitchen + "2"
    )


def test_a_board_that_is_offline_cannot_be_told_to_check_now(signed_in, kitchen):
    result = signed_in("device", "update-now", kitchen)
    assert (result.exit_code, result.output) == (
        0,
        f"{kitchen}: offline, it asks when it is back\n",
    )


def test_retiring_asks_first(signed_in, kitchen):
    assert signed_in("device", "retire", kitchen, typed="n\n").exit_code == 1
    assert signed_in("device", "retire", kitchen, "--yes", json_=True)["state"] == "retired"


def test_a_release_is_assigned_to_a_device_by_its_name(signed_in, kitchen, product):
    made = signed_in("assign", 2, "--device", kitchen, json_=True)["assignments"]
    assert [(a["product"], a["number"], a["state"]) for a in made] == [(product, 2, "offered")]


def test_a_release_is_assigned_to_all_of_a_product(signed_in, kitchen, board, product):
    made = signed_in("assign", 2, "--all", "--product", product, json_=True)["assignments"]
    assert [a["device"] for a in made] == [board[0]]


@pytest.mark.parametrize("words", ((), ("--all",), ("--all", "--device", "x")))
def test_whom_to_assign_to_must_be_said(signed_in, words):
    assert signed_in("assign", 2, *words).exit_code == 2


ENDS = {"done": ("done", None, 0), "failed": ("failed", "app-raised", 1)}


@pytest.mark.parametrize(("outcome", "reason", "status"), ENDS.values(), ids=ENDS)
def test_watching_ends_with_the_update(
    host, signed_in, kitchen, board, monkeypatch, outcome, reason, status
):
    signed_in("assign", 2, "--device", kitchen)
    steps = iter((lambda: None, lambda: report(host, board[0], outcome, reason)))
    monkeypatch.setattr(watch, "_pause", lambda: next(steps)())
    result = signed_in("watch", kitchen)
    assert result.exit_code == status
    last = f"{kitchen}: release 2 {outcome}" + (f" ({reason})" if reason else "")
    assert result.output.splitlines() == [f"{kitchen}: release 2 offered", last]


def test_without_names_all_open_updates_are_watched(host, signed_in, kitchen, board, monkeypatch):
    def end_all():
        for one in signed_in("device", "list", json_=True):
            if one["assignment"] and one["assignment"]["state"] == "offered":
                report(host, one["id"], "done")

    signed_in("assign", 2, "--device", kitchen)
    monkeypatch.setattr(watch, "_pause", end_all)
    lines = [json.loads(line) for line in signed_in("watch", "--json").output.splitlines()]
    mine = [line["state"] for line in lines if line["device"] == board[0]]
    assert mine == ["offered", "done"]


def test_ctrl_c_leaves_quietly(signed_in, kitchen, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    signed_in("assign", 2, "--device", kitchen)
    monkeypatch.setattr(watch, "_pause", interrupt)
    result = signed_in("watch", kitchen)
    assert (result.exit_code, result.output) == (130, f"{kitchen}: release 2 offered\n")


def test_a_failed_update_shows_its_traceback(host, signed_in, kitchen, board):
    signed_in("assign", 2, "--device", kitchen)
    report(host, board[0], "failed", "app-raised")
    shown = signed_in("device", "show", kitchen).output
    assert ("ValueError: x" in shown, "2 failed (app-raised)" in shown) == (True, True)


@pytest.fixture
def ada(host, signed_in, mpfleet):
    """Another person: what they run, signed in beside the admin."""
    email = f"ada{next(_ids)}@garden"
    password = signed_in("user", "add", email, json_=True)["password"]
    words = ("--profile", "ada", "login", host.url, "--ca", host.ca, "--email", email)
    assert mpfleet(*words, "--password-stdin", typed=password + "\n").exit_code == 0
    run = lambda *words, **more: mpfleet("--profile", "ada", *words, **more)  # noqa: E731
    run.email = email
    return run


def test_a_board_is_given_back_and_claimed_by_the_next(signed_in, ada, kitchen, board):
    answer = signed_in("device", "give-back", kitchen, "--yes", json_=True)
    claimed = ada("device", "claim", answer["claim_code"], json_=True)
    assert (claimed["id"], claimed["owner"], claimed["name"]) == (board[0], ada.email, "")


def test_a_board_is_offered_and_accepted(signed_in, ada, host, board):
    ada("device", "claim", board[1], json_=True)
    shown = ada("device", "transfer", board[0], "--to", "admin@garden")
    assert "is offered to admin@garden, who has a week to accept" in shown.output
    assert [one["device"] for one in signed_in("device", "offers", json_=True)] == [board[0]]
    assert signed_in("device", "accept", board[0], json_=True)["owner"] == "admin@garden"


def test_an_offer_is_declined_or_taken_back(signed_in, ada, board):
    ada("device", "claim", board[1], json_=True)
    ada("device", "transfer", board[0], "--to", "admin@garden")
    assert ada("device", "transfer", board[0], "--take-back").exit_code == 0
    assert "nobody offers you a device" in signed_in("device", "offers").output
    assert signed_in("device", "decline", board[0]).exit_code == 1
    ada("device", "transfer", board[0], "--to", "admin@garden")
    assert "it stays where it is" in signed_in("device", "decline", board[0]).output


def test_a_transfer_has_one_aim(signed_in, kitchen):
    assert signed_in("device", "transfer", kitchen).exit_code == 2
    assert signed_in("device", "transfer", kitchen, "--to", "a@b", "--group", "x").exit_code == 2


def test_a_conflict_is_decided(host, signed_in, kitchen, board):
    assert signed_in("device", "resolve", kitchen).exit_code == 2
    with host.database.begin() as session:
        devices.known(session, board[0]).conflict_digest = "1" * 64
    assert signed_in("device", "resolve", kitchen, "--refuse", json_=True)["state"] == "claimed"
    assert "no-conflict" in signed_in("device", "resolve", kitchen, "--accept").output


def test_a_token_for_another_secret_is_printed(signed_in, kitchen):
    assert signed_in("device", "new-secret", kitchen, json_=True)["token"].startswith("mpe_")
