"""The serial port of a virtual board over TCP: `socket://` and `rfc2217://`."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import serial
from serial import rfc2217

from simulator.rfc2217 import Rfc2217
from tests.boards import PROMPT, execute

SCHEMES = ("socket", "rfc2217")
BINARY = bytes(range(256)) * 8  # with 0xff, which Telnet doubles


def connect(url):
    host, port = url.partition("://")[2].split(":")
    return socket.create_connection((host, int(port)), timeout=5)


def exchange(url):
    """What mpremote printed over this port."""
    command = [Path(sys.executable).with_name("mpremote"), "connect", url, "exec", "print(6 * 7)"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout


@pytest.mark.parametrize("scheme", SCHEMES)
def test_mpremote_works_over_the_network(virtual_board, scheme):
    assert exchange(virtual_board.listen(scheme)) == "42\n"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_port_is_on_the_loopback_only(virtual_board, scheme):
    assert virtual_board.listen(scheme).startswith(f"{scheme}://127.0.0.1:")


def test_a_board_keeps_its_address(virtual_board):
    assert virtual_board.rfc2217_url == virtual_board.rfc2217_url


def test_every_byte_comes_through_telnet_both_ways(virtual_board):
    execute(
        virtual_board,
        "import sys, micropython\ndef echo(n):\n    micropython.kbd_intr(-1)\n"
        "    print('ready')\n    while n:\n"
        "        piece = sys.stdin.buffer.read(1)\n        n -= 1\n"
        "        sys.stdout.buffer.write(piece)\n",
    )
    with serial.serial_for_url(virtual_board.rfc2217_url, timeout=5) as port:
        virtual_board.type(f"echo({len(BINARY)})\r")
        port.read_until(b"ready\r\n")
        port.write(BINARY)
        # A board ends its lines with CR LF.
        expected = BINARY.replace(b"\n", b"\r\n")
        assert port.read(len(expected)) == expected


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_port_in_use_is_closed_to_the_next(virtual_board, scheme):
    url = virtual_board.listen(scheme)
    with connect(url), connect(url) as second:
        assert second.recv(1) == b""


def test_a_port_is_free_again_after_a_visit(virtual_board):
    url = virtual_board.socket_url
    for _ in range(20):
        with connect(url) as visitor:
            visitor.sendall(b"\r")
            assert visitor.recv(1) != b""


def test_garbled_telnet_ends_the_visit_and_not_the_board(virtual_board):
    with connect(virtual_board.rfc2217_url) as visitor:
        visitor.sendall(rfc2217.IAC + rfc2217.SE)
        while visitor.recv(4096):
            pass
    assert execute(virtual_board, "print('here')") == "here\n"


@pytest.mark.parametrize(
    "message",
    (
        rfc2217.COM_PORT_OPTION + rfc2217.SET_BAUDRATE + b"\x01",
        rfc2217.COM_PORT_OPTION + rfc2217.SET_PARITY + b"\x99",
        rfc2217.COM_PORT_OPTION + rfc2217.SET_LINESTATE_MASK,
    ),
    ids=("short", "unknown", "empty"),
)
def test_a_message_that_means_nothing_is_a_value_error(message):
    protocol = Rfc2217(lambda data: None, lambda dtr, rts: None)
    with pytest.raises(ValueError, match="garbled"):
        protocol.decode(rfc2217.IAC + rfc2217.SB + message + rfc2217.IAC + rfc2217.SE)


def test_a_visitor_who_reads_nothing_does_not_hold_the_board_up(virtual_board):
    with connect(virtual_board.socket_url):
        execute(virtual_board, "for n in range(30000): print('nobody reads this')", timeout=20)
        assert execute(virtual_board, "print('still here')") == "still here\n"


def test_a_tcp_port_that_is_taken_is_an_error(virtual_board):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        virtual_board.listen("socket", taken.getsockname()[1])


def test_rts_holds_the_board_in_reset_until_it_falls(virtual_board):
    at = virtual_board.mark
    with serial.serial_for_url(virtual_board.rfc2217_url) as port:
        port.dtr = False
        port.rts = True
        assert not virtual_board.is_on
        port.rts = False
        virtual_board.wait_for(PROMPT, since=virtual_board.wait_for("POWERON_RESET", since=at))


def test_opening_and_closing_the_port_resets_nothing(virtual_board):
    starts = list(virtual_board.resets)
    with serial.serial_for_url(virtual_board.rfc2217_url):
        pass
    assert execute(virtual_board, "print('here')") == "here\n"
    assert virtual_board.resets == starts


def test_a_visitor_who_leaves_with_rts_asserted_lets_go_of_reset(virtual_board):
    at = virtual_board.mark
    with serial.serial_for_url(virtual_board.rfc2217_url) as port:
        port.dtr = False
        port.rts = True
    virtual_board.wait_for(PROMPT, since=at)
