"""A certificate that was replaced is noticed."""

import threading

from host.serve import renewal


def test_a_file_that_was_replaced_is_noticed(tmp_path):
    file, noticed = tmp_path / "server.pem", threading.Event()
    file.write_text("old")
    stop = renewal.watch(file, noticed.set, look_s=0.01)
    (tmp_path / "new").write_text("new")
    (tmp_path / "new").rename(file)
    assert noticed.wait(5)
    stop.set()


def test_a_file_that_stays_is_not(tmp_path):
    file, noticed = tmp_path / "server.pem", threading.Event()
    file.write_text("old")
    stop = renewal.watch(file, noticed.set, look_s=0.001)
    assert not noticed.wait(0.1)
    stop.set()
