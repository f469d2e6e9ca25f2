"""Patches of firmware images: made ahead, offered to the boards they are for, and to no others."""

import os
import random

import pytest
from host_samples import encode, make_device, manifest_value, sha256

from device import protocol
from host.errors import HostError
from host.models import Blob, Release
from host.services import patches
from tests.patching import code, split, target_of

API = protocol.API
OLD = code(1, 70_000)
NEW = OLD[:30_000] + b"a function that grew" + OLD[30_000:]
OTHER = random.Random(2).randbytes(50_000)


@pytest.fixture
def brought(db, upload):
    """Uploads a release that brings firmware (board model → image)."""

    def brought(number, images, **fields):
        names = {f"app/{model}": content for model, content in images.items()}
        upload(number, {"app/main.mpy": b"M\x06\x00\x1f", **names}, **fields)
        release = db.query(Release).filter_by(number=number).one()
        firmware = {model: {"sha256": sha256(content)} for model, content in images.items()}
        release.parts = {**release.parts, "firmware": firmware}
        db.commit()
        return release

    return brought


@pytest.fixture
def two(brought):
    """A release and the next, with another firmware each."""
    return brought(2, {"ESP32_GENERIC": OLD}), brought(3, {"ESP32_GENERIC": NEW})


@pytest.fixture
def prepared(db, host, two):
    """The patch between them is made: its bytes."""
    [size] = patches.prepare(db, host.storage, *two).values()
    return size


@pytest.fixture
def ask(client, device, board):
    """Ask for a blob as Alice's board, which runs `source`."""

    def ask(target, source, **headers):
        accept = f"{protocol.PATCH};from={source}, {protocol.PIECES}"
        url = f"{API}/blobs/{sha256(target)}"
        return client.get(url, headers={**board, "Accept": accept, **headers})

    return ask


def test_a_board_gets_the_patch_from_what_it_runs(ask, prepared):
    answer = ask(NEW, sha256(OLD))
    assert (answer.content_type, len(answer.data)) == (protocol.PATCH, prepared)
    assert target_of(split(answer.data, OLD, len(NEW)), OLD, len(NEW)) == NEW
    assert "Accept" in answer.headers["Vary"]


def test_a_patch_resumes_at_an_offset(ask, prepared):
    whole = ask(NEW, sha256(OLD)).data
    rest = ask(NEW, sha256(OLD), Range="bytes=60-")
    assert (rest.status_code, rest.data) == (206, whole[60:])


NO_PATCH = {
    "another image runs": lambda: {"source": sha256(OTHER)},
    "it goes back": lambda: {"target": OLD, "source": sha256(NEW)},
    "it says no image": lambda: {"source": ""},
    "it says an odd image": lambda: {"source": "../" + "0" * 61},
    "it takes none": lambda: {"Accept": protocol.PIECES},
}


@pytest.mark.parametrize("how", NO_PATCH.values(), ids=NO_PATCH)
def test_without_a_patch_the_whole_image_comes(ask, prepared, how):
    answer = ask(**{"target": NEW, "source": sha256(OLD), **how()})
    assert (answer.status_code, answer.content_type) == (200, protocol.PIECES)


def test_a_patch_from_another_products_image_is_not_given(ask, prepared, db):
    db.query(Release).filter_by(number=2).update({"product": "secret"})
    db.commit()
    assert ask(NEW, sha256(OLD)).content_type == protocol.PIECES


def test_a_patch_that_is_no_shorter_is_not_kept(db, host, brought, ask):
    releases = brought(2, {"ESP32_GENERIC": OLD}), brought(3, {"ESP32_GENERIC": OTHER})
    assert patches.prepare(db, host.storage, *releases) == {"ESP32_GENERIC": None}
    assert ask(OTHER, sha256(OLD)).content_type != protocol.PATCH


def test_a_patch_of_no_use_is_not_made_again(db, host, brought, monkeypatch):
    releases = brought(2, {"ESP32_GENERIC": OLD}), brought(3, {"ESP32_GENERIC": OTHER})
    patches.prepare(db, host.storage, *releases)
    monkeypatch.setattr("host.patches.make", None)
    assert patches.prepare(db, host.storage, *releases) == {"ESP32_GENERIC": None}


def test_each_board_model_that_both_have_and_that_changed_gets_its_own(db, host, brought):
    boards = ["A", "B", "C", "D"]
    before = brought(2, {"A": OLD, "B": NEW, "C": OLD}, boards=boards)
    after = brought(3, {"A": NEW, "B": OLD, "C": OLD, "D": NEW}, boards=boards)
    assert sorted(patches.prepare(db, host.storage, before, after)) == ["A", "B"]


def test_a_patch_that_is_there_stays_as_it_is(db, host, two, prepared):
    path = host.storage.patch_path(sha256(OLD), sha256(NEW))
    os.utime(path, (1, 1))
    assert patches.prepare(db, host.storage, *two) == {"ESP32_GENERIC": prepared}
    assert path.stat().st_mtime == 1


def test_releases_without_firmware_have_no_patches(db, host, upload):
    upload(2), upload(3)
    before, after = db.query(Release).order_by(Release.number)
    assert patches.prepare(db, host.storage, before, after) == {}


def test_an_unfinished_release_is_refused(db, host, client, alice, two):
    content = encode(manifest_value(4))
    client.post("/api/v1/releases", data=content, headers=alice.headers)
    unfinished = db.query(Release).filter_by(number=4).one()
    with pytest.raises(HostError) as refused:
        patches.prepare(db, host.storage, two[0], unfinished)
    assert refused.value.code == "not-ready"


def test_releases_of_two_products_are_refused(db, host, two):
    two[0].product = "other"
    with pytest.raises(HostError) as refused:
        patches.prepare(db, host.storage, *two)
    assert refused.value.code == "wrong-product"


@pytest.fixture
def seven(brought, upload):
    """Releases 2 to 8, of which 4 brings no firmware."""
    for number in (2, 3, 5, 6, 7, 8):
        brought(number, {"ESP32_GENERIC": OLD + bytes([number])})
    upload(4)


def wanted(db):
    numbers = dict(db.query(Release.id, Release.number).all())
    return [(numbers[before], numbers[after]) for before, after in patches.wanted(db)]


LAST_FEW = [(7, 8), (6, 8), (5, 8), (6, 7), (5, 7), (3, 7)]
FIELD = {
    "nothing": ({}, LAST_FEW),
    "one of the last few": ({"number": 6}, LAST_FEW),
    "an old one": ({"number": 2}, [*LAST_FEW[:3], (2, 8), *LAST_FEW[3:], (2, 7)]),
    "one without firmware": ({"number": 4}, [*LAST_FEW[:3], (3, 8), *LAST_FEW[3:]]),
    "one that is not here": ({"number": 1}, LAST_FEW),
    "a retired board's": ({"number": 2, "state": "retired"}, LAST_FEW),
    "another product's": ({"number": 2, "product": "other"}, LAST_FEW),
}


@pytest.mark.parametrize(("fields", "pairs"), FIELD.values(), ids=FIELD)
def test_patches_lead_from_the_field_and_the_last_few_to_the_newest(
    db, seven, alice, fields, pairs
):
    make_device(db, alice, device_id="0" * 32, **fields)
    assert wanted(db) == pairs


def test_patches_go_with_their_blobs(db, host, two, prepared):
    assert patches.tidy(db, host.storage) == 0
    db.delete(db.get(Blob, sha256(OLD)))
    assert patches.tidy(db, host.storage) == 1
    assert list(host.storage.patches()) == []
