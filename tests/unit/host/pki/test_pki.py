"""The files of the fleet's CA, and what TLS clients say to them."""

import contextlib
import datetime as dt
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from host import pki

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
MICROPYTHON = shutil.which("micropython", path=f"{Path(sys.executable).parent}")


@pytest.fixture
def folder(tmp_path):
    pki.ensure(tmp_path / "pki", "mpfleet", [], NOW)
    return tmp_path / "pki"


def mode(path):
    return path.stat().st_mode & 0o777


def test_the_first_run_makes_what_a_second_finds(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert pki.ensure(folder, "mpfleet", [], NOW) is False
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_keys_are_for_their_owner_only(folder):
    modes = [mode(folder), mode(folder / "ca.key"), mode(folder / "server.pem")]
    assert modes == [0o700, 0o600, 0o600]


def test_a_renewal_keeps_the_authority(folder):
    before = pki.fingerprint(folder), (folder / "server.pem").read_bytes()
    assert pki.ensure(folder, "mpfleet", [], NOW + 350 * DAY) is True
    after = pki.fingerprint(folder), (folder / "server.pem").read_bytes()
    assert (after[0] == before[0], after[1] == before[1]) == (True, False)


def test_other_addresses_make_another_server_certificate(folder):
    assert pki.ensure(folder, "mpfleet", ["10.0.0.7"], NOW) is True


@pytest.mark.parametrize("name", ("ca.key", "server.pem"))
def test_a_key_that_others_can_read_is_refused(folder, name):
    (folder / name).chmod(0o640)
    with pytest.raises(pki.PkiError, match=f"chmod 600 .*{name}"):
        pki.ensure(folder, "mpfleet", [], NOW)


@pytest.mark.parametrize("name", ("ca.key", "ca.pem", "server.pem"))
def test_a_damaged_file_is_named(folder, name):
    (folder / name).write_text("garbage")
    with pytest.raises(pki.PkiError, match=name):
        pki.ensure(folder, "mpfleet", [], NOW)


def test_a_lost_key_is_named_and_no_new_authority_made(folder):
    (folder / "ca.key").unlink()
    with pytest.raises(pki.PkiError, match=r"ca\.key is missing"):
        pki.ensure(folder, "mpfleet", [], NOW)


def test_no_authority_is_made_while_the_clock_is_not_set(tmp_path):
    with pytest.raises(pki.PkiError, match="clock says 1970"):
        pki.ensure(tmp_path / "pki", "mpfleet", [], dt.datetime(1970, 1, 1, tzinfo=dt.UTC))
    assert not (tmp_path / "pki").exists()


def test_a_first_run_that_was_cut_is_begun_again(folder):
    (folder / "ca.pem").unlink()
    (folder / "server.pem.new").write_text("half")
    assert pki.ensure(folder, "mpfleet", [], NOW) is True


# With real TLS clients


@contextlib.contextmanager
def server(folder):
    """A TLS server that greets whoever verified it; gives its port."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener, tls))
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)  # wakes accept up
        thread.join()


def greet(listener, tls):
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client, contextlib.suppress(OSError), tls.wrap_socket(client, server_side=True) as s:
            s.sendall(b"hello")


def greeting(port, name, ca_pem):
    tls = ssl.create_default_context(cadata=ca_pem)
    tls.verify_flags |= ssl.VERIFY_X509_STRICT  # what later versions do by default
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        tls.wrap_socket(plain, server_hostname=name) as s,
    ):
        return s.recv(5)


@pytest.mark.parametrize("name", ("mpfleet", "localhost", "127.0.0.1"))
def test_cpython_verifies_the_fleet_s_name_at_any_address(folder, name):
    with server(folder) as port:
        assert greeting(port, name, pki.ca_pem(folder)) == b"hello"


def test_cpython_refuses_another_name(folder):
    with server(folder) as port, pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        greeting(port, "other", pki.ca_pem(folder))


def test_cpython_refuses_another_authority(folder, tmp_path):
    pki.ensure(tmp_path / "other", "mpfleet", [], NOW)
    with server(folder) as port, pytest.raises(ssl.SSLCertVerificationError):
        greeting(port, "mpfleet", pki.ca_pem(tmp_path / "other"))


BOARD = """
import socket, ssl, sys
port, name, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
tls.verify_mode = ssl.CERT_REQUIRED
with open(path, "rb") as f:
    tls.load_verify_locations(cadata=f.read())
s = socket.socket()
s.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
try:
    print(tls.wrap_socket(s, server_hostname=name).read(5))
except (OSError, ValueError) as error:
    print("refused", error)
"""


@pytest.mark.skipif(not MICROPYTHON, reason="no MicroPython for this machine")
@pytest.mark.parametrize(
    ("name", "authority", "says"),
    (
        ("mpfleet", "pki", "b'hello'"),
        ("127.0.0.1", "pki", "b'hello'"),
        ("other", "pki", "refused"),
        ("mpfleet", "other", "refused"),
    ),
)
def test_micropython_trusts_the_fleet_s_name_and_authority_only(
    folder, tmp_path, name, authority, says
):
    pki.ensure(tmp_path / "other", "mpfleet", [], NOW)
    (tmp_path / "ca.der").write_bytes(pki.ca_der(tmp_path / authority))
    (tmp_path / "board.py").write_text(BOARD)
    with server(folder) as port:
        command = [MICROPYTHON, tmp_path / "board.py", str(port), name, tmp_path / "ca.der"]
        board = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert board.stdout.startswith(says), board
