"""Patches that the engine makes as releases become ready."""

import logging
from itertools import chain, repeat

import pytest
from host_samples import sha256

from host.engine.patching import Patching
from host.models import Release
from tests.patching import code

OLD = code(1, 70_000)
NEW = OLD[:30_000] + b"a function that grew" + OLD[30_000:]
NEWER = NEW + b"and another"


@pytest.fixture
def bring(db, upload):
    """Uploads a release that brings a firmware."""

    def bring(number, image):
        upload(number, {"app/main.mpy": b"M\x06\x00\x1f", "app/image": image})
        release = db.query(Release).filter_by(number=number).one()
        firmware = {"ESP32_GENERIC": {"sha256": sha256(image)}}
        release.parts = {**release.parts, "firmware": firmware}
        db.commit()

    return bring


def made(host):
    return set(host.storage.patches())


def test_a_release_that_became_ready_gets_its_patches(host, bring):
    patching = Patching(host.database, host.storage)
    bring(2, OLD)
    patching.work()
    assert made(host) == set()
    bring(3, NEW)
    patching.work()
    assert made(host) == {(sha256(OLD), sha256(NEW))}


def test_what_is_done_is_not_looked_at_again(host, bring, monkeypatch):
    patching = Patching(host.database, host.storage)
    bring(2, OLD), bring(3, NEW)
    patching.work()
    monkeypatch.setattr("host.services.patches.prepare", None)
    patching.work()


def test_a_round_that_takes_too_long_goes_on_in_the_next(host, bring):
    now = chain((0, 0, 61), repeat(100))
    patching = Patching(host.database, host.storage, lambda: next(now))
    bring(2, OLD), bring(3, NEW), bring(4, NEWER)
    patching.work()
    first = made(host)
    patching.work()
    assert (len(first), len(made(host)) > 1) == (1, True)


def test_a_host_told_to_end_begins_nothing(host, bring):
    bring(2, OLD), bring(3, NEW)
    Patching(host.database, host.storage).work(lambda: True)
    assert made(host) == set()


def test_a_blob_that_cannot_be_read_is_logged_and_tried_again(host, bring, caplog):
    bring(2, OLD), bring(3, NEW)
    path = host.storage.path(sha256(OLD))
    patching = Patching(host.database, host.storage)
    path.rename(path.with_name("away"))
    with caplog.at_level(logging.ERROR):
        patching.work()
    path.with_name("away").rename(path)
    patching.work()
    assert ("could not be made" in caplog.text, len(made(host))) == (True, 1)
