"""Packets in a stream of bytes."""

import pytest

from simulator.rom import slip

AWKWARD = b"\xc0\xdb\xdc\xdd\xdb\xdd\xdb\xdc\xc0\0"


def test_a_packet_comes_back_whatever_is_in_it():
    assert slip.Reader().feed(slip.encode(AWKWARD)) == [AWKWARD]


def test_an_end_in_a_packet_is_not_an_end():
    assert slip.encode(AWKWARD).count(b"\xc0") == 2


@pytest.mark.parametrize("size", (1, 2, 3, 7))
def test_packets_may_come_in_pieces(size):
    stream = slip.encode(AWKWARD) + slip.encode(b"second")
    reader = slip.Reader()
    found = [p for n in range(0, len(stream), size) for p in reader.feed(stream[n : n + size])]
    assert found == [AWKWARD, b"second"]


def test_what_comes_before_the_first_end_is_noise():
    assert slip.Reader().feed(b"\r\x03noise" + slip.encode(b"packet")) == [b"packet"]


def test_a_packet_without_an_end_is_dropped_at_last():
    reader = slip.Reader()
    reader.feed(b"\xc0")
    for _ in range(100):
        reader.feed(b"x" * 4096)
    assert reader.feed(b"\xc0") == []
