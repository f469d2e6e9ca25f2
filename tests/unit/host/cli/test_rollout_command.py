"""Rollouts and the record on the command line."""

import csv
import itertools
import json

import pytest
from host_samples import make_device

from host.services import accounts, reports

_numbers = itertools.count(1)
PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick(quick_keys):
    """Keys that open at once."""


@pytest.fixture
def product(host, signed_in, tmp_path):
    """A product with an approved release 1 and four boards of the admin's, online."""
    name = f"rolled-{next(_numbers)}"
    (tmp_path / "folder/app").mkdir(parents=True)
    description = {"product": name, "boards": ["ESP32_GENERIC"]}
    (tmp_path / "folder/mpfleet.json").write_text(json.dumps(description))
    (tmp_path / "folder/app/main.py").write_text("async def main(board):\n    pass\n")
    assert signed_in("release", "build", tmp_path / "folder", "--upload").exit_code == 0
    done = signed_in("approve", 1, "--product", name, "--yes", typed=PASSPHRASE + "\n")
    assert done.exit_code == 0, done.output
    with host.database.session() as session:
        admin = next(u for u in accounts.everyone(session) if u.role == "admin")
        for n in range(4):
            device_id = f"24a16001{next(_numbers):04x}"
            make_device(session, admin, device_id, product=name, online=True, name=f"{name}-{n}")
    return name


@pytest.fixture
def rollout(signed_in, product):
    """A rollout of release 1 that was begun."""
    words = ("rollout", "create", 1, "--product", product, "--canary", 1, "--waves", "40,60")
    return signed_in(*words, json_=True)


def test_a_dry_run_prints_the_waves(signed_in, product):
    done = signed_in("rollout", "create", 1, "--product", product, "--dry-run")
    assert f"release 1 of {product} would go to 4 devices:\n  canaries     1" in done.output
    assert product not in signed_in("rollout", "list").output


def test_a_plan_comes_from_the_options(signed_in, product):
    words = ("--soak", "2h", "--window", "22:00-04:00", "--days", "Sat,sun", "--end-after", 3,
             "--start", "2126-01-01T00:00Z", "--canary", 0, "--reason", "winter")  # fmt: skip
    made = signed_in("rollout", "create", 1, "--product", product, *words, json_=True)
    window = {"from": "22:00", "to": "04:00", "days": ["sat", "sun"]}
    plan = made["plan"]
    assert (plan["soak_s"], plan["window"], plan["days"], plan["canary"]) == (7200, window, 3, 0)
    assert (made["state"], made["reason"], len(made["waves"])) == ("scheduled", "winter", 3)


def test_only_labelled_devices_are_reached(signed_in, product):
    label = ("device", "label", f"{product}-2", "--tag", "near", "--timezone", "Asia/Tokyo")
    shown = signed_in(*label, json_=True)
    words = ("rollout", "create", 1, "--product", product, "--tag", "near")
    made = signed_in(*words, json_=True)
    assert (made["devices"], shown["tags"], shown["timezone"]) == (1, ["near"], "Asia/Tokyo")


def test_a_rollout_is_paused_resumed_promoted_and_aborted(signed_in, rollout):
    found = [
        signed_in("rollout", action, rollout["id"], "--reason", "so", json_=True)
        for action in ("pause", "resume", "promote", "abort")
    ]
    assert [(one["state"], one["wave"]) for one in found] == [
        ("paused", 0), ("running", 0), ("running", 1), ("aborted", 1),
    ]  # fmt: skip


def test_what_cannot_be_is_one_line_with_the_reason(signed_in, rollout, product):
    paused = signed_in("rollout", "resume", rollout["id"])
    waves = signed_in("rollout", "create", 1, "--product", product, "--waves", "50,60")
    assert (paused.exit_code, waves.exit_code) == (1, 1)
    assert "is running: there is nothing to resume. (rollout-state)" in paused.output
    assert "add up to 110 %" in waves.output


WRONG = (
    ("--waves", "a,b"), ("--soak", "soon"), ("--window", "night"), ("--days", "mon"),
)  # fmt: skip


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_odd_options_are_wrong_usage(signed_in, product, words):
    done = signed_in("rollout", "create", 1, "--product", product, *words)
    assert done.exit_code == 2


def test_a_rollout_shows_its_waves_and_what_failed(host, signed_in, rollout, product):
    from host.engine.rolling import Rolling
    from host.models import Assignment
    from host.services.clock import utc

    Rolling(host.database).work(utc())
    with host.database.begin() as session:
        one = session.query(Assignment).filter_by(rollout_id=rollout["id"]).one()
        said = {"key": "0" * 16, "kind": "update", "outcome": "failed", "assignment": one.id,
                "reason": "app-raised", "traceback": "Trace\nValueError: no"}  # fmt: skip
        reports.accept(session, host.settings, one.device, [said])
        device_id = one.device_id
    Rolling(host.database).work(utc())
    shown = signed_in("rollout", "show", rollout["id"], "--devices").output
    assert "paused: Too large a part of a wave failed." in shown
    assert f"! 1 board: app-raised: {device_id}\n    Trace\n    ValueError: no" in shown
    assert f"{device_id}  wave 0  failed  rolled-back (app-raised)" in shown


def test_a_rollout_is_followed_until_it_ends(host, signed_in, rollout, monkeypatch):
    from host.cli import rollout as command

    steps = iter((lambda: None, lambda: signed_in("rollout", "abort", rollout["id"])))
    monkeypatch.setattr(command, "_pause", lambda: next(steps)())
    followed = signed_in("rollout", "watch", rollout["id"])
    assert followed.exit_code == 1  # it is not finished
    assert followed.output.splitlines() == [
        "running, canaries; 4 waiting of 4", "aborted, canaries; 4 waiting of 4",
    ]  # fmt: skip


def test_the_record_is_exported_as_csv(signed_in, rollout):
    said = signed_in("events", "--rollout", rollout["id"], "--csv").output
    rows = list(csv.DictReader(said.splitlines()))
    assert [(row["what"], row["who"]) for row in rows] == [("created", "admin@garden")]


def test_the_record_is_exported_whole_in_pages(signed_in, rollout, monkeypatch):
    from host.cli import events

    monkeypatch.setattr(events, "_PAGE", 3)
    found = signed_in("events", json_=True)
    ids = [one["id"] for one in found]
    assert len(ids) > 6
    assert ids == sorted(ids, reverse=True)
    assert len(signed_in("events", "--limit", 4, json_=True)) == 4


def test_a_cell_that_a_spreadsheet_would_calculate_is_quoted(host, signed_in, product):
    from host.services import events

    with host.database.begin() as session:
        events.add(session, "eve", "device 1", "renamed", '=HYPERLINK("evil")')
    said = signed_in("events", "--who", "eve", "--csv").output
    assert [row["why"] for row in csv.DictReader(said.splitlines())] == ["'=HYPERLINK(\"evil\")"]
