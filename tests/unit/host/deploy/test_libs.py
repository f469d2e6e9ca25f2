"""umqtt for firmwares that lack it: from a folder, or from an index."""

import functools
import hashlib
import http.server
import json
import threading

import pytest

from host.deploy import libs
from host.deploy.errors import DeployError

SIMPLE = b"class MQTTClient:\n    pass\n"
DIGEST = hashlib.sha256(SIMPLE).hexdigest()[:8]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def index(tmp_path, monkeypatch):
    """An index of packages as MicroPython's is laid out; returns a way to publish one."""
    folder = tmp_path / "index"
    serve = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(libs, "INDEX", f"http://127.0.0.1:{server.server_port}")

    def publish(path="umqtt/simple.py", digest=DIGEST):
        package = folder / "package/py/umqtt.simple"
        package.mkdir(parents=True)
        (package / "latest.json").write_text(json.dumps({"v": 1, "hashes": [[path, digest]]}))
        (folder / "file" / digest[:2]).mkdir(parents=True)
        (folder / "file" / digest[:2] / digest).write_bytes(SIMPLE)

    yield publish
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ours(tmp_path, monkeypatch):
    """A lib/ of the project that is empty."""
    monkeypatch.setattr(libs, "_OURS", tmp_path / "lib")
    return tmp_path / "lib"


def test_a_library_lying_there_is_compiled(tmp_path):
    (tmp_path / "umqtt").mkdir()
    (tmp_path / "umqtt/simple.py").write_bytes(SIMPLE)
    assert [*libs.files(["umqtt"], tmp_path)] == ["/lib/umqtt/simple.mpy"]


def test_a_library_missing_is_fetched(ours, index):
    index()
    assert [*libs.files(["umqtt"])] == ["/lib/umqtt/simple.mpy"]
    assert (ours / "umqtt/simple.py").read_bytes() == SIMPLE


def test_a_folder_of_ones_own_is_not_filled(tmp_path):
    with pytest.raises(DeployError, match="no folder aioble/"):
        libs.files(["aioble"], tmp_path)


@pytest.mark.parametrize(
    ("offers", "has_aioble", "needed"),
    (
        (["umqtt.simple"], False, []),
        ([], False, ["umqtt"]),
        ([], True, ["umqtt", "aioble"]),
        (["umqtt.simple", "aioble"], True, []),
    ),
)
def test_only_what_the_firmware_lacks_is_brought(offers, has_aioble, needed):
    assert libs.wanted(offers, has_aioble) == needed


def test_other_bytes_than_the_index_names_are_refused(tmp_path, index):
    index(digest="00000000")
    with pytest.raises(DeployError, match="another hash"):
        libs.fetch(tmp_path / "lib", ["umqtt"])


@pytest.mark.parametrize("path", ("../boot.py", "/etc/passwd"))
def test_a_path_outside_is_refused(tmp_path, index, path):
    index(path)
    with pytest.raises(DeployError, match="outside"):
        libs.fetch(tmp_path / "lib", ["umqtt"])


@pytest.mark.usefixtures("ours", "index")
def test_an_index_out_of_reach_says_what_to_do():
    with pytest.raises(DeployError, match="make libs"):
        libs.files(["umqtt"])
