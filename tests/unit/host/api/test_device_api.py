"""The API of boards, request by request (SPEC section 7)."""

import struct
import zlib

import pytest
from host_samples import DEVICE_ID, MAIN, SECRET, make_device, sha256

from device import protocol
from host.models import Device, Report
from host.services import assignments
from host.services.clock import utc

API = protocol.API


@pytest.fixture
def assigned(db, device, release):
    """Release 2 is offered to Alice's board; the assignment's number."""
    one = assignments.assign(db, [device], release, "alice@example.com")[0]
    db.commit()
    return one.id


def test_an_idle_board_is_told_that_there_is_nothing(client, device, board):
    answer = client.get(f"{API}/assignment", headers=board)
    assert answer.json == {"state": "claimed", "release": None, "retry_active": False}


def test_a_board_is_told_of_its_release(client, assigned, board, release):
    answer = client.get(f"{API}/assignment", headers=board)
    assert answer.json["release"] == {
        "assignment": assigned,
        "number": 2,
        "manifest": release.manifest_sha256,
        "size": release.manifest_size,
    }


def test_a_board_that_runs_the_release_is_not_told_again(client, assigned, board, db):
    db.get(Device, DEVICE_ID).number = 2
    db.commit()
    assert client.get(f"{API}/assignment", headers=board).json["release"] is None


def test_an_unclaimed_board_gets_no_release(client, assigned, board, db):
    db.get(Device, DEVICE_ID).state = "unclaimed"
    db.commit()
    answer = client.get(f"{API}/assignment", headers=board)
    assert answer.json == {"state": "unclaimed", "release": None, "retry_active": False}


def test_every_answer_carries_the_date(client, device, board):
    assert client.get(f"{API}/assignment", headers=board).headers["Date"].endswith("GMT")


def test_a_check_in_is_noted_once_a_minute(client, device, board, db):
    client.get(f"{API}/assignment", headers=board)
    db.refresh(device)
    first = device.last_seen_at
    client.get(f"{API}/assignment", headers=board)
    db.refresh(device)
    assert first is not None
    assert device.last_seen_at == first


CREDENTIALS = {
    "none": "",
    "another secret": f"Bearer {DEVICE_ID}:{'00' * 32}",
    "another device": f"Bearer 24a160000002:{SECRET}",
    "no secret": f"Bearer {DEVICE_ID}",
    "not a bearer": f"Basic {DEVICE_ID}:{SECRET}",
    "not ASCII": f"Bearer {DEVICE_ID}:é",
}
ROUTES = (
    ("GET", "/assignment"),
    ("GET", f"/manifests/{'0' * 64}"),
    ("GET", f"/blobs/{'0' * 64}"),
    ("POST", "/reports"),
)


@pytest.mark.parametrize("header", CREDENTIALS.values(), ids=CREDENTIALS)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_its_secret_nobody_gets_anything(client, device, method, path, header):
    answer = client.open(API + path, method=method, headers={"Authorization": header})
    assert (answer.status_code, answer.json["error"]) == (401, "bad-credentials")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_retired_board_is_told_so(client, device, board, db, method, path):
    device.state = "retired"
    db.commit()
    answer = client.open(API + path, method=method, headers=board)
    assert (answer.status_code, answer.json["error"]) == (410, "retired")


def test_a_manifest_comes_byte_for_byte(client, device, board, upload):
    content = upload()
    assert client.get(f"{API}/manifests/{sha256(content)}", headers=board).data == content


def test_a_blob_comes_raw(client, device, board, release):
    answer = client.get(f"{API}/blobs/{sha256(MAIN)}", headers=board)
    assert answer.data == MAIN
    assert answer.content_type == "application/octet-stream"


def test_a_blob_comes_in_pieces_to_a_board_that_takes_them(client, device, board, release):
    headers = {**board, "Accept": protocol.PIECES}
    answer = client.get(f"{API}/blobs/{sha256(MAIN)}", headers=headers)
    magic, size, count = struct.unpack_from("<4sII", answer.data)
    lengths = struct.unpack_from(f"<{count}I", answer.data, 12)
    at = 12 + 4 * count
    content = b""
    for length in lengths:
        content += zlib.decompress(answer.data[at : at + length], wbits=-12)
        at += length
    pieces = -(-len(MAIN) // protocol.PIECE_BYTES)
    assert (answer.content_type, magic) == (protocol.PIECES, b"MPZ1")
    assert (size, count) == (len(MAIN), pieces)
    assert content == MAIN
    assert at == len(answer.data)


def test_a_blob_that_pieces_would_not_shrink_comes_raw(client, device, board, upload):
    upload(files={"app/main.mpy": b"M\x06\x00\x1f", "app/x": b"x"})
    headers = {**board, "Accept": protocol.PIECES}
    answer = client.get(f"{API}/blobs/{sha256(b'x')}", headers=headers)
    assert (answer.data, answer.content_type) == (b"x", "application/octet-stream")


@pytest.mark.parametrize("accept", ("", protocol.PIECES))
def test_a_download_resumes_at_an_offset(client, device, board, release, accept):
    url, headers = f"{API}/blobs/{sha256(MAIN)}", {**board, "Accept": accept}
    whole = client.get(url, headers=headers).data
    rest = client.get(url, headers={**headers, "Range": "bytes=100-"})
    assert rest.status_code == 206
    assert rest.headers["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    assert rest.data == whole[100:]


def test_an_offset_behind_the_end_is_refused(client, device, board, release):
    headers = {**board, "Range": f"bytes={len(MAIN)}-"}
    answer = client.get(f"{API}/blobs/{sha256(MAIN)}", headers=headers)
    assert (answer.status_code, answer.json["error"]) == (416, "bad-range")
    assert answer.headers["Content-Range"] == f"bytes */{len(MAIN)}"


@pytest.mark.parametrize("name", ("0" * 64, "x", "..%2f..%2fsecret_key"))
@pytest.mark.parametrize("kind", ("blobs", "manifests"))
def test_what_is_not_there_is_not_found(client, device, board, kind, name):
    answer = client.get(f"{API}/{kind}/{name}", headers=board)
    assert (answer.status_code, answer.json["error"]) == (404, "not-found")


@pytest.mark.parametrize("kind", ("blobs", "manifests"))
def test_another_products_bytes_are_not_found(client, device, board, release, db, kind):
    device.product = "thermostat"
    db.commit()
    name = sha256(MAIN) if kind == "blobs" else release.manifest_sha256
    assert client.get(f"{API}/{kind}/{name}", headers=board).status_code == 404


@pytest.mark.parametrize("kind", ("blobs", "manifests"))
def test_an_unfinished_releases_bytes_are_not_found(client, device, board, release, db, kind):
    release.state = "draft"
    db.commit()
    name = sha256(MAIN) if kind == "blobs" else release.manifest_sha256
    assert client.get(f"{API}/{kind}/{name}", headers=board).status_code == 404


@pytest.mark.parametrize("kind", ("blobs", "manifests"))
def test_an_unclaimed_board_may_read_nothing(client, db, board, release, kind):
    make_device(db)
    answer = client.get(f"{API}/{kind}/{'0' * 64}", headers=board)
    assert (answer.status_code, answer.json["error"]) == (403, "forbidden")


def test_a_download_says_how_far_the_board_is(client, assigned, device, board, db):
    headers = {**board, "X-Progress": "stage;4096;20480"}
    client.get(f"{API}/blobs/{sha256(MAIN)}", headers=headers)
    db.refresh(device)
    progress = {name: device.progress[name] for name in ("number", "step", "done", "total")}
    assert progress == {"number": 2, "step": "stage", "done": 4096, "total": 20480}
    assert assignments.opened(db, DEVICE_ID).state == "started"


def test_a_board_in_update_mode_says_so_with_its_downloads(client, assigned, device, board, db):
    headers = {**board, "X-Progress": "stage;4096;20480;update"}
    client.get(f"{API}/blobs/{sha256(MAIN)}", headers=headers)
    db.refresh(device)
    assert (device.mode, device.progress["done"]) == ("update", 4096)


@pytest.mark.parametrize(
    "header",
    (
        "",
        "stage",
        "stage;1;2;update;x",
        "stage;x;1",
        "stage;1;-1",
        "a;1;9" + "9" * 30,
        "a;1;" + "9" * 5000,
    ),
)
def test_an_odd_progress_is_ignored(client, assigned, device, board, db, header):
    headers = {**board, "X-Progress": header}
    answer = client.get(f"{API}/blobs/{sha256(MAIN)}", headers=headers)
    db.refresh(device)
    assert (answer.status_code, device.progress) == (200, None)


def report(key="0" * 16, **fields):
    return {"key": key, "time": 0, "kind": "update", **fields}


def test_reports_are_counted_once(client, device, board, db):
    first = client.post(f"{API}/reports", json=[report()], headers=board)
    again = client.post(f"{API}/reports", json=[report(), report("1" * 16)], headers=board)
    assert (first.json, again.json) == ({"accepted": 1}, {"accepted": 1})
    assert db.query(Report).count() == 2


BAD_REPORTS = {
    "not JSON": b"{",
    "no list": b"{}",
    "no object": b"[1]",
    "no key": b"[{}]",
    "an odd key": b'[{"key": "../../../../../x"}]',
    "nested too deep": b"[" * 20000,
    "nine": b"[" + b",".join([b'{"key": "0000000000000000"}'] * 9) + b"]",
}


@pytest.mark.parametrize("content", BAD_REPORTS.values(), ids=BAD_REPORTS)
def test_bad_reports_are_refused_whole(client, device, board, db, content):
    answer = client.post(f"{API}/reports", data=content, headers=board)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")
    assert db.query(Report).count() == 0


def test_too_many_bytes_of_reports_are_refused_unread(client, device, board):
    answer = client.post(f"{API}/reports", data=b" " * 32769, headers=board)
    assert (answer.status_code, answer.json["error"]) == (413, "too-large")


def test_a_letter_cut_in_half_does_not_lose_the_report(client, device, board, db):
    content = b'[{"key": "0000000000000000", "kind": "app", "traceback": "na\xc3"}]'
    assert client.post(f"{API}/reports", data=content, headers=board).status_code == 200
    assert db.query(Report).one().traceback == "na\ufffd"


def test_odd_fields_of_a_report_are_dropped_or_cut(client, device, board, db):
    odd = report(
        detail="x" * 999, number="2", assignment=2**80, reason=None, log=[1, "line"] * 30,
        heap={"free": 1, "name": "x"}, running=True, outcome="\ud800\0",
    )  # fmt: skip
    assert client.post(f"{API}/reports", json=[odd], headers=board).status_code == 200
    kept = db.query(Report).one()
    assert (kept.number, kept.assignment, kept.running) == (None, None, None)
    assert len(kept.detail) == 200
    assert (kept.log, kept.heap, kept.outcome) == (["line"] * 20, {"free": 1}, "?")


def test_a_running_release_is_noted(client, device, board, db):
    client.post(f"{API}/reports", json=[report(running=4)], headers=board)
    db.refresh(device)
    assert device.number == 4


@pytest.mark.parametrize(
    ("path", "method", "status", "word"),
    (("/nothing", "GET", 404, "not-found"), ("/reports", "GET", 405, "bad-method")),
)
def test_a_wrong_path_or_method_is_refused_in_json(client, path, method, status, word):
    answer = client.open(API + path, method=method)
    assert (answer.status_code, answer.json["error"]) == (status, word)


def test_a_path_with_a_slash_too_many_is_never_redirected(client, device, board):
    paths = ("/assignment/", "//assignment")
    answers = [client.get(API + path, headers=board) for path in paths]
    assert [answer.status_code for answer in answers] == [200, 404]


def test_a_mistake_of_the_host_is_told_in_json(client, device, board, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr("host.services.checkin.answer", broken)
    answer = client.get(f"{API}/assignment", headers=board)
    assert (answer.status_code, answer.json["error"]) == (500, "internal")
    assert "RuntimeError: broken" in caplog.text


def test_a_locked_database_is_told_to_be_busy(client, device, board, monkeypatch):
    from sqlalchemy.exc import OperationalError

    def locked(*_):
        raise OperationalError("select", {}, Exception("database is locked"))

    monkeypatch.setattr("host.services.checkin.answer", locked)
    answer = client.get(f"{API}/assignment", headers=board)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("more", ({"poll_s": 600},))
def test_the_host_may_say_how_often_to_ask(client, device, board):
    assert client.get(f"{API}/assignment", headers=board).json["poll_s"] == 600


def test_golden_is_told_to_try_the_active_slot_again(client, device, board, db):
    device.retry_active = True
    db.commit()
    assert client.get(f"{API}/assignment", headers=board).json["retry_active"] is True


def test_a_check_in_costs_one_statement(client, device, board, host, db):
    from sqlalchemy import event

    device.last_seen_at = utc()
    db.commit()
    seen = []
    trace = lambda connection, *_: connection.set_trace_callback(seen.append)  # noqa: E731
    event.listen(host.database.engine, "checkout", trace)
    client.get(f"{API}/assignment", headers=board)
    assert [statement.split()[0] for statement in seen] == ["SELECT"]
