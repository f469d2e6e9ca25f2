"""What boards say of themselves over MQTT."""

from datetime import UTC, datetime, timedelta

import pytest
from host_samples import DEVICE_ID, SECRET

from host.services import assignments, devices, outbox, presence

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ONLINE = {"online": True, "number": 4, "slot": "a", "mode": "active", "firmware": "v1.26.0"}


def test_a_status_says_what_runs(db, device):
    presence.status(db, DEVICE_ID, ONLINE, now=NOW)
    said = (device.online, device.number, device.slot, device.mode, device.firmware)
    assert said == (True, 4, "a", "active", "v1.26.0")
    assert device.last_seen_at == NOW


@pytest.mark.parametrize(
    ("said", "is_unmanaged"),
    (
        ({"number": 0}, True),
        ({"number": 0, "slot": "b"}, True),
        ({"number": 4}, False),
        ({"number": 0, "slot": "-", "mode": "golden"}, False),
        ({"number": 0, "mode": "trial"}, False),
    ),
    ids=str,
)
def test_a_slot_without_a_release_is_unmanaged(db, device, said, is_unmanaged):
    presence.status(db, DEVICE_ID, {**ONLINE, **said})
    assert device.is_unmanaged is is_unmanaged


def test_the_assignment_that_was_done_is_not_offered_to_an_unmanaged_board(db, device, release):
    assignments.assign(db, [device], release, "alice")
    presence.status(db, DEVICE_ID, {**ONLINE, "number": release.number})
    presence.status(db, DEVICE_ID, {**ONLINE, "number": 0})
    assert assignments.opened(db, device.id) is None


def test_the_release_it_was_can_be_offered_to_an_unmanaged_board_again(db, device, release):
    presence.status(db, DEVICE_ID, {**ONLINE, "number": 0})
    assert assignments.assign(db, [device], release, "alice")[0].state == "offered"


def test_an_offer_that_a_newer_firmware_would_not_survive_is_taken_back(db, device, release):
    release.parts = {**release.parts, "firmware": {"ESP32_GENERIC": {"micropython": "v1.25.0"}}}
    [made] = assignments.assign(db, [device], release, "alice")
    presence.status(db, DEVICE_ID, {**ONLINE, "number": 1})
    assert (made.state, made.reason) == ("superseded", "older-firmware")


def test_a_last_will_takes_the_board_offline_and_keeps_the_rest(db, device):
    presence.status(db, DEVICE_ID, ONLINE, now=NOW)
    presence.status(db, DEVICE_ID, {"online": False}, now=NOW + timedelta(hours=1))
    assert (device.online, device.number, device.last_seen_at) == (False, 4, NOW)


def test_a_trial_is_not_what_the_board_runs(db, device):
    presence.status(db, DEVICE_ID, ONLINE)
    presence.status(db, DEVICE_ID, {**ONLINE, "number": 5, "mode": "trial"})
    assert (device.number, device.mode) == (4, "trial")


def test_a_board_that_left_golden_is_not_asked_again(db, device):
    devices.notify(db, device, outbox.RETRY_ACTIVE)
    presence.status(db, DEVICE_ID, {**ONLINE, "mode": "golden"})
    asked = device.retry_active
    presence.status(db, DEVICE_ID, ONLINE)
    assert (asked, device.retry_active) == (True, False)


ODD = (
    {"online": "yes"}, {"online": True, "number": "4"}, {"online": True, "number": 2**31},
    {"online": True, "slot": 5, "mode": ["x"]}, {},
)  # fmt: skip


@pytest.mark.parametrize("payload", ODD, ids=str)
def test_an_odd_status_changes_nothing_but_what_it_says(db, device, payload):
    presence.status(db, DEVICE_ID, payload)
    assert device.online is (payload.get("online") is True)
    assert (device.number, device.slot, device.mode) == (None, None, None)


def test_a_long_text_is_cut_and_made_storable(db, device):
    presence.status(db, DEVICE_ID, {**ONLINE, "firmware": "\ud800\0" + "x" * 99})
    db.commit()
    assert device.firmware == "?" + "x" * 63


@pytest.mark.parametrize("take", (presence.status, presence.progress))
def test_an_unknown_device_is_no_error(db, take):
    assert take(db, "24a1600000ff", ONLINE) is None


def test_a_retired_device_stays_offline(db, device):
    device.state = "retired"
    presence.status(db, DEVICE_ID, ONLINE)
    assert device.online is False


def test_progress_is_written_once_a_second_or_at_another_step(db, device):
    def at(seconds, done, step="stage"):
        now = NOW + timedelta(seconds=seconds)
        payload = {"number": 5, "step": step, "done": done, "total": 9}
        presence.progress(db, DEVICE_ID, payload, now=now)
        return device.progress["done"]

    assert [at(0, 1), at(0.5, 2), at(1, 3), at(1.1, 4, "seal")] == [1, 1, 3, 4]


def test_everyone_is_offline_until_heard(db, device):
    presence.status(db, DEVICE_ID, ONLINE)
    presence.everyone_offline(db)
    db.refresh(device)
    assert device.online is False


CREDENTIALS = (
    (DEVICE_ID, SECRET, True),
    (DEVICE_ID, "00" * 32, False),
    (DEVICE_ID, "", False),
    (DEVICE_ID, "ü", False),
    ("24a1600000ff", SECRET, False),
)


@pytest.mark.parametrize(("device_id", "secret", "is_it"), CREDENTIALS)
def test_a_board_is_who_its_secret_says(db, device, device_id, secret, is_it):
    assert (devices.authenticate(db, device_id, secret) is device) is is_it


def test_a_retired_board_is_nobody(db, device):
    device.state = "retired"
    assert devices.authenticate(db, DEVICE_ID, SECRET) is None


def test_a_message_waits_until_its_board_listens(db, device):
    outbox.put(db, DEVICE_ID, outbox.CHECK)
    before = outbox.take(db)
    presence.status(db, DEVICE_ID, {"online": True})
    assert (before, [row.what for row in outbox.take(db)]) == ([], [outbox.CHECK])


def test_a_message_put_while_the_same_is_being_sent_is_sent_as_well(db, device):
    device.online = True
    outbox.put(db, DEVICE_ID, outbox.CHECK)
    sending = [row.id for row in outbox.take(db)]
    outbox.put(db, DEVICE_ID, outbox.CHECK)
    outbox.done(db, sending)
    assert [row.what for row in outbox.take(db)] == [outbox.CHECK]


def test_a_message_waits_until_it_is_done(db, device):
    device.online = True
    outbox.put(db, DEVICE_ID, outbox.CHECK)
    outbox.put(db, DEVICE_ID, outbox.CHECK)
    outbox.put(db, DEVICE_ID, outbox.DISCONNECT)
    waiting = outbox.take(db, 10)
    again = outbox.take(db, 1)
    outbox.done(db, [again[0].id])
    left = [row.what for row in outbox.take(db)]
    assert [row.what for row in waiting] == [outbox.CHECK, outbox.DISCONNECT]
    assert left == [outbox.DISCONNECT]
