"""The database of a host: who changes something on SQLite is alone with it, who looks is not."""

import io
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Thread

import pytest
from flask import request
from host_samples import DEVICE_ID, MAIN, encode, manifest_value, sha256
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from device import protocol
from host.api import body
from host.extensions import is_locked
from host.models import Assignment, Device
from host.services import devices
from host.services.clock import utc

API = "/api/v1"
_MEETING_S = 0.3  # who comes alone gives the other one up


class Meeting:
    """Two threads wait for each other between reading and writing, if they get there both."""

    def __init__(self):
        self._barrier = Barrier(2)

    def attend(self):
        with suppress(BrokenBarrierError):
            self._barrier.wait(_MEETING_S)


def both(first, second):
    """Run two at the same time; what they returned."""
    found = []
    threads = [Thread(target=lambda one=one: found.append(one())) for one in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.fixture
def impatient(host):
    """A database whose writers do not wait for each other."""
    def prepare(connection, _record):
        connection.execute("PRAGMA busy_timeout = 0")

    host.database.close()
    event.listen(host.database.engine, "connect", prepare)
    return host.database


def test_two_that_read_and_then_write_do_so_one_after_the_other(host, device, db):
    meeting = Meeting()

    def add(letter):
        with host.database.begin() as session:
            found = session.get(Device, DEVICE_ID)
            meeting.attend()
            found.name += letter

    both(lambda: add("a"), lambda: add("b"))
    db.refresh(device)
    assert sorted(device.name) == ["a", "b"]


def test_two_that_assign_at_one_moment_are_both_served(
    client, app, alice, device, release, db, monkeypatch
):
    meeting, choose = Meeting(), devices.chosen

    def chosen(*given):
        found = choose(*given)
        meeting.attend()
        return found

    def assign():
        given = {"product": "blink", "number": 2, "devices": [DEVICE_ID]}
        return app.test_client().post(f"{API}/assignments", json=given, headers=alice.headers)

    monkeypatch.setattr(devices, "chosen", chosen)
    assert [answer.status_code for answer in both(assign, assign)] == [201, 201]
    assert [one.state for one in db.query(Assignment)] == ["superseded", "offered"]


def test_what_was_read_before_the_lock_is_read_anew(host, device):
    with host.database.session() as session:
        found = session.get(Device, DEVICE_ID)
        with host.database.begin() as other:
            other.get(Device, DEVICE_ID).name = "new"
        host.database.lock(session)
        assert found.name == "new"


def test_a_session_that_looks_waits_for_nobody(impatient, device):
    with impatient.begin() as session, impatient.look() as other:
        session.get(Device, DEVICE_ID).name = "half done"
        session.flush()
        assert other.get(Device, DEVICE_ID).name == ""


def test_a_second_writer_is_kept_out_before_it_reads(impatient):
    with impatient.begin(), pytest.raises(OperationalError, match="locked"), impatient.begin():
        raise AssertionError("two write at once")


def test_an_idle_check_in_is_answered_while_somebody_writes(impatient, client, device, board, db):
    device.last_seen_at = utc()
    db.commit()
    with impatient.begin():
        answer = client.get(f"{protocol.API}/assignment", headers=board)
    assert answer.status_code == 200


def test_an_upload_keeps_nobody_from_writing_while_its_bytes_travel(
    impatient, client, alice, device, db
):
    content = encode(manifest_value(2, {"app/main.mpy": MAIN}))
    client.post(f"{API}/releases", data=content, headers=alice.headers)

    class Slow(io.BytesIO):
        def readinto(self, buffer):
            with impatient.begin() as session:
                session.get(Device, DEVICE_ID).name = "written meanwhile"
            return super().readinto(buffer)

    url, length = f"{API}/blobs/{sha256(MAIN)}", str(len(MAIN))
    given = {"input_stream": Slow(MAIN), "headers": {**alice.headers, "Content-Length": length}}
    assert client.put(url, **given).status_code == 200
    db.refresh(device)
    assert device.name == "written meanwhile"


def test_a_board_that_was_long_away_is_noted_and_reports(impatient, client, device, board, db):
    answer = client.post(f"{protocol.API}/reports", json=[], headers=board)
    db.refresh(device)
    assert (answer.status_code, device.last_seen_at is not None) == (200, True)


CHANGES = (
    ("PATCH", "/users/1", {"role": "viewer"}),
    ("POST", "/groups/1/members", {"user": "bob@example.com"}),
    ("POST", "/rollouts/1/pause", {"reason": "x"}),
    ("POST", "/releases/blink/2/withdraw", {"reason": "x"}),
    ("POST", "/releases/blink/2/findings", {"source": "x", "findings": []}),
    ("POST", "/releases/blink/2/findings/1/waive", {"reason": "x"}),
    ("POST", "/proposals/1/signatures", {"signatures": [], "base": 1}),
    ("PATCH", f"/devices/{DEVICE_ID}", {"name": "x"}),
    ("POST", "/assignments", {"product": "blink", "number": 2, "devices": "all"}),
    ("POST", "/releases", {}),
    ("POST", "/devices/claim", {"code": "x"}),
    ("POST", "/enrolment-tokens", {}),
    ("POST", f"/devices/{DEVICE_ID}/transfer", {"user": "bob@example.com"}),
    ("POST", "/me/password", {"password": "x", "new": "y"}),
    ("POST", "/api-tokens", {"name": "x", "scopes": []}),
    ("POST", "/rollouts", {"product": "blink", "number": 2}),
    ("POST", "/proposals", {"kind": "renew"}),
    ("POST", "/keys/import", {"role": "root", "user": "bob@example.com"}),
    ("POST", "/invitations", {"email": "x"}),
)


def test_bodies_are_read_before_others_are_kept_out(client, admin, alice, device, monkeypatch):
    seen, read = [], body.read

    def watched(*given):
        seen.append((request.path.removeprefix(API), is_locked()))
        return read(*given)

    monkeypatch.setattr(body, "read", watched)
    for method, path, fields in CHANGES:
        person = alice if path == "/releases" else admin
        client.open(f"{API}{path}", method=method, json=fields, headers=person.headers)
    assert seen == [(path, False) for _, path, _ in CHANGES]
