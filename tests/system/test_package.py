"""`mpremote mip install` brings the runtime onto a bare board, and deploy goes on from there."""

import functools
import http.server
import subprocess
import sys
import threading

import pytest

from host.builder import package, runtime
from host.deploy.board import Board


@pytest.fixture
def repository():
    """The address of package.json, as a web server gives it out."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Nobody reads it."""

    handler = functools.partial(Handler, directory=runtime.ROOT)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{package.NAME}"
        server.shutdown()
        thread.join()


def test_mip_installs_a_runtime_that_says_what_is_missing(virtual_board, repository):
    command = ["-m", "mpremote", "connect", virtual_board.port]
    command += ["mip", "install", "--target", "/", repository]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    at = virtual_board.mark
    virtual_board.reset()
    assert virtual_board.wait_for("not set up yet: run `make deploy`", since=at) > 0
    port = Board(virtual_board.port)
    port.stop()
    text = port.run("print(open('/device/run.py').read(), end='')").replace("\r\n", "\n")
    port.close()
    assert text == (runtime.ROOT / "device/run.py").read_text()
