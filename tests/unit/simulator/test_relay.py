"""Relays give back what they hold, whatever was under way."""

import socket
from types import SimpleNamespace

import pytest

from simulator.loop import Loop
from simulator.relay import Relays


@pytest.fixture
def loop():
    loop = Loop("relays")
    loop.start()
    yield loop
    loop.stop()


def test_a_connection_that_is_being_made_ends_with_the_relays(loop):
    told = []
    radio = SimpleNamespace(routes={})
    with socket.create_server(("127.0.0.1", 0)) as server:

        def begin_and_close():  # before the loop hears that it is connected
            relays = Relays(loop, radio, lambda: True)
            relays.dial(server.getsockname(), told.append)
            relays.close()

        loop.call(begin_and_close)
        with server.accept()[0] as peer:
            assert peer.recv(1) == b""
    assert told == [None]
