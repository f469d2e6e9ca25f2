"""The client keeps its connection, and bears that a host closes it."""

import contextlib
import ssl
import threading
from socket import create_server

import pytest

from host import pki
from host.cli.client import ApiError, Client
from host.cli.profile import Profile

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
_BUSY = (
    b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: 37\r\n\r\n"
    b'{"error": "busy", "message": "later"}'
)


@pytest.fixture
def answers():
    """What the server answers first, one by one; then it is well."""
    return []


@pytest.fixture
def forgetful(host, answers):
    """A server that answers one request a connection, says nothing, and hangs up at the next."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(host.folder / "pki" / pki.SERVER_FILE)
    listener = create_server(("127.0.0.1", 0))
    heard = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                raw, _ = listener.accept()
                with contextlib.closing(context.wrap_socket(raw, server_side=True)) as peer:
                    heard.append(peer.recv(4096).split(b" ")[0])
                    peer.sendall(answers.pop(0) if answers else _ANSWER)
                    peer.recv(4096)  # the next request, which gets no answer

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    client = Client(Profile(f"https://127.0.0.1:{listener.getsockname()[1]}", host.settings.fleet,
                            host.ca.read_text(), "mpf_x"))  # fmt: skip
    yield client, heard
    client.close()
    with contextlib.suppress(OSError):
        listener.shutdown(2)
    listener.close()
    thread.join(5)


def test_a_question_is_asked_again_where_the_kept_connection_had_ended(forgetful):
    client, heard = forgetful
    assert [client.devices(), client.devices(), heard] == [[], [], [b"GET", b"GET"]]


def test_what_changes_something_is_not_sent_twice(forgetful):
    client, heard = forgetful
    client.devices()
    with pytest.raises(ApiError, match="no-connection"):
        client.send("POST", "/devices/claim", {"code": "x"})
    assert heard == [b"GET"]


@pytest.mark.parametrize("method", ("GET", "POST"))
def test_a_host_that_was_busy_is_asked_again(forgetful, answers, method):
    client, heard = forgetful
    answers[:] = [_BUSY] * 2
    assert client.send(method, "/assignments", {"number": 1}) == []
    assert heard == [method.encode()] * 3


def test_a_host_that_stays_busy_says_so(forgetful, answers):
    client, heard = forgetful
    answers[:] = [_BUSY] * 9
    with pytest.raises(ApiError, match="busy"):
        client.send("POST", "/assignments", {"number": 1})
    assert heard == [b"POST"] * 4


@pytest.mark.parametrize(("said", "slept_s"), ((b"2", 2), (b"99", 5), (b"Wed, 21 Oct 2026", 1)))
def test_it_waits_as_asked_and_not_after_the_last_try(
    forgetful, answers, monkeypatch, said, slept_s
):
    client, _ = forgetful
    slept = []
    monkeypatch.setattr("host.cli.client.time.sleep", slept.append)
    answers[:] = [_BUSY.replace(b"Retry-After: 0", b"Retry-After: " + said)] * 9
    with pytest.raises(ApiError, match="busy"):
        client.get("/releases")
    assert slept == [slept_s] * 3
