"""Improv's packets: what is taken, what is refused and by which number, byte for byte."""

import pytest

# The example of the specification.
EXAMPLE = b"\x01\x1e\x0cMyWirelessAP\x10mysecurepassword\xc0"
IDENTIFY = b"\x02\x00\x02"


def packet(command, data=b""):
    head = bytes((command, len(data))) + data
    return head + bytes((sum(head) & 255,))


def fed(improv, writes, pause_ms=0):
    """What Packets makes of writes: (command, data), or the number of an error."""
    packets, found = improv.Packets(), []
    for n, data in enumerate(writes):
        found += packets.feed(data, n * pause_ms)
    return [getattr(one, "number", one) for one in found]


def test_the_example_of_the_specification_is_understood(improv):
    [(command, data)] = fed(improv, [EXAMPLE])
    assert command == improv.SETTINGS
    assert improv.credentials(data) == (b"MyWirelessAP", b"mysecurepassword")


@pytest.mark.parametrize("size", (1, 2, 7, 20))
def test_a_packet_may_come_in_any_pieces(improv, size):
    pieces = [EXAMPLE[i : i + size] for i in range(0, len(EXAMPLE), size)]
    assert fed(improv, pieces) == [(1, EXAMPLE[2:-1])]


def test_two_packets_may_come_at_once(improv):
    assert fed(improv, [EXAMPLE + IDENTIFY]) == [(1, EXAMPLE[2:-1]), (2, b"")]


def test_one_may_end_and_the_next_begin_in_one_write(improv):
    both = EXAMPLE + IDENTIFY
    assert fed(improv, [both[:10], both[10:]]) == [(1, EXAMPLE[2:-1]), (2, b"")]


@pytest.mark.parametrize(
    "broken",
    (
        EXAMPLE[:-1] + b"\xc1",
        b"\x01\x1d" + EXAMPLE[2:],
        b"hello\r\n" * 30,
        b"\x01\xff" + b"x" * 510,
    ),
    ids=("sum", "length too short", "text", "longer than any packet"),
)
def test_what_is_no_packet_is_refused_and_the_next_one_taken(improv, broken):
    first, *rest = fed(improv, [broken, IDENTIFY], pause_ms=3000)
    assert first == improv.INVALID
    assert rest[-1] == (2, b"")


def test_half_a_packet_is_forgotten_after_two_seconds(improv):
    assert fed(improv, [EXAMPLE[:5], IDENTIFY], pause_ms=2001) == [(2, b"")]


def test_half_a_packet_waits_for_its_rest_for_two_seconds(improv):
    assert fed(improv, [EXAMPLE[:5], EXAMPLE[5:]], pause_ms=2000) == [(1, EXAMPLE[2:-1])]


def test_the_longest_packet_is_taken(improv):
    assert fed(improv, [packet(9, bytes(255))]) == [(9, bytes(255))]


@pytest.mark.parametrize(
    ("data", "number"),
    (
        (b"", "INVALID"),
        (b"\x04home", "INVALID"),
        (b"\x04home\x00\x00", "INVALID"),
        (b"\x05home", "INVALID"),
        (b"\x04home\x09secret12", "INVALID"),
        (b"\x00\x08secret12", "INVALID"),
        (b"\x21" + b"s" * 33 + b"\x00", "INVALID"),
        (b"\x04home\x07secret1", "UNABLE"),
        (b"\x04home\x40" + b"z" * 64, "UNABLE"),
        (b"\x04home\x41" + b"a" * 65, "UNABLE"),
        (b"\x04home\x08secret\xff\xfe", "UNABLE"),
    ),
    ids=(
        "nothing", "no password", "three strings", "name too long for the data",
        "password too long for the data", "no name", "name of 33 bytes", "password of 7",
        "64 that are no hex digits", "password of 65", "password that is no text",
    ),
)  # fmt: skip
def test_credentials_that_no_network_has_are_refused(improv, data, number):
    with pytest.raises(improv.ImprovError) as caught:
        improv.credentials(data)
    assert caught.value.number == getattr(improv, number)


@pytest.mark.parametrize(
    ("ssid", "password"),
    (
        (b"s", b""),
        (b"s" * 32, b"12345678"),
        (bytes(range(200, 232)), b"p" * 63),
        (b"home", b"0123456789abcdefABCDEF" + b"0" * 42),
    ),
    ids=("open", "32 bytes", "bytes that are no text", "a key in hex"),
)
def test_credentials_that_a_network_may_have_are_taken(improv, ssid, password):
    assert improv.credentials(improv.packed((ssid, password))) == (ssid, password)


@pytest.mark.parametrize(
    ("data", "name"),
    ((b"kitchen", "kitchen"), (b"\x07kitchen", "kitchen"), (b"a-1", "a-1"), (b"k" * 32, "k" * 32)),
    ids=("bare", "with its length", "all kinds", "the longest"),
)
def test_a_hostname_comes_with_its_length_or_without(improv, data, name):
    assert improv.hostname(data) == name


@pytest.mark.parametrize("data", (b"\x00", b"-a", b"a-", b"a b", b"a.b", b"\xc3\xa4", b"k" * 33))
def test_what_is_no_hostname_is_refused(improv, data):
    with pytest.raises(improv.ImprovError) as caught:
        improv.hostname(data)
    assert caught.value.number == improv.BAD_HOSTNAME


def test_the_advertisement_has_31_bytes_in_this_order(improv):
    assert improv.advertisement(2).hex(" ") == (
        "02 01 06 11 07 00 80 26 78 74 27 63 46 72 22 28 62 68 77 46 00 09 16 77 46 02 0f 00 00 00 00"
    )  # fmt: skip


def test_a_result_holds_as_many_networks_as_fit_and_none_in_part(improv):
    networks = [(b"n" * 32, b"-50", b"WPA2")] * 7
    strings = improv.fitting(networks)
    assert len(strings) == 3 * 6
    assert len(improv.result(4, strings)) == 2 + 6 * (33 + 4 + 5)


# Over serial.

REQUEST = b"IMPROV\x01\x03\x02\x02\x00\xe5"


def heard(improv, data, pause_ms=0):
    """What Frames makes of bytes: (command, data), or the number of an error."""
    frames = improv.Frames()
    found = [frames.feed(byte, n * pause_ms) for n, byte in enumerate(data)]
    return [getattr(one, "number", one) for one in found if one is not None]


def test_a_frame_is_what_clients_send(improv):
    assert improv.frame(improv.COMMAND_FRAME, b"\x02\x00") == REQUEST + b"\n"


def test_a_frame_is_found_among_other_bytes(improv):
    assert heard(improv, b"xxIMPR" + REQUEST + b"\nyyI" + REQUEST + b"\n") == [(2, b"")] * 2


def test_a_three_within_a_frame_is_no_interrupt(improv):
    scan = improv.frame(improv.COMMAND_FRAME, b"\x03\x00")
    assert heard(improv, scan) == [(3, b"")]


@pytest.mark.parametrize("before", (b"", b"x", b"IMP", b"IMPROV", REQUEST, REQUEST + b"\n"))
def test_a_three_outside_of_a_frame_is_an_interrupt(improv, before):
    with pytest.raises(KeyboardInterrupt):
        heard(improv, before + b"\x03")


def test_half_a_frame_keeps_ctrl_c_for_two_seconds_only(improv):
    frames = improv.Frames()
    for byte in b"IMPROV\x01":
        frames.feed(byte, 0)
    with pytest.raises(KeyboardInterrupt):
        frames.feed(3, 2001)


@pytest.mark.parametrize(
    "frame",
    (
        REQUEST[:-1] + b"\x00",
        b"IMPROV\x01\x03\x01\x02\xe4",
        b"IMPROV\x01\x03\x02\x02\x01\xe6",
    ),
    ids=("sum", "no length", "another length"),
)
def test_a_broken_frame_is_refused_and_the_next_one_taken(improv, frame):
    if frame[-1]:
        frame = improv.checked(frame[:-1])
    assert heard(improv, frame + REQUEST) == [improv.INVALID, (2, b"")]


def test_frames_that_are_the_boards_own_are_not_commands(improv):
    assert heard(improv, improv.frame(improv.STATE_FRAME, b"\x02")) == []


SCRIPT = """
from device.provisioning.improv import *
from device.provisioning import improv, session, terminal
print(improv.advertisement(2).hex(), improv.frame(3, b"\\x02\\x00"))
print(improv.Packets().feed(%r, 0))
print(session.added([], b"\\xff\\x01", b""), session.heard([(b"a", b"", 1, -50, 3, False)]))
"""


def test_the_same_comes_out_in_micropython(on_both):
    lines = on_both(SCRIPT % EXAMPLE)
    assert "091677460" in lines[0]
    assert "MyWirelessAP" in lines[1]
    assert "ff01" in lines[2]
    assert "b'-50'" in lines[2]
