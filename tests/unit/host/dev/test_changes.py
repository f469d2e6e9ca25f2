"""What is noticed below a folder, and when."""

import threading

import pytest

from host.dev import changes


@pytest.fixture
def noticed(tmp_path):
    """Wait for a change in a folder that is watched from now on."""
    with changes.Changes(tmp_path) as watched:

        def wait():
            assert watched._changed.wait(10)
            return watched.take()

        yield wait


def test_a_file_that_an_editor_renamed_into_place_is_noticed(tmp_path, noticed):
    noticed()
    (tmp_path / "main.py.tmp").write_text("x")
    (tmp_path / "main.py.tmp").rename(tmp_path / "main.py")
    assert noticed()


def test_what_is_saved_before_it_began_to_watch_is_noticed(tmp_path, monkeypatch):
    may_begin = threading.Event()
    watch = changes.watchfiles.watch

    def late(*args, **options):
        may_begin.wait(10)
        return watch(*args, **options)

    monkeypatch.setattr(changes.watchfiles, "watch", late)
    with changes.Changes(tmp_path) as watched:
        (tmp_path / "main.py").write_text("x")
        may_begin.set()
        assert watched._changed.wait(10)
