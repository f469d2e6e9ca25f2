"""What the host does as time passes."""

import datetime as dt
import logging

import pytest

from host import pki
from host.engine import tick
from host.settings import Settings

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def settings(tmp_path):
    settings = Settings(data_folder=tmp_path)
    pki.ensure_for(settings, NOW)
    return settings


def server(settings):
    return (pki.folder_for(settings) / "server.pem").read_bytes()


@pytest.mark.parametrize(("days", "is_renewed"), ((0, False), (300, False), (340, True)))
def test_the_server_certificate_is_renewed_ahead_of_its_end(settings, days, is_renewed):
    before = server(settings)
    tick.tick(settings, NOW + dt.timedelta(days=days))
    assert (server(settings) != before) is is_renewed


def test_a_renewal_that_fails_is_logged_and_tried_again(settings, caplog):
    key = pki.folder_for(settings) / "ca.key"
    key.chmod(0o644)
    with caplog.at_level(logging.ERROR):
        tick.tick(settings, NOW + dt.timedelta(days=340))
    assert "could not be renewed" in caplog.text
    key.chmod(0o600)
    before = server(settings)
    tick.tick(settings, NOW + dt.timedelta(days=340))
    assert server(settings) != before
