"""Improv's frames are found in whatever a board prints."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.provisioning import frames

STATE = b"IMPROV\x01\x01\x01\x02\xe2\n"  # state 2, added up by hand


def fed(*parts):
    parser = frames.Parser()
    return [frame for part in parts for frame in parser.feed(part)]


def test_a_frame_ends_in_the_sum_of_all_before_it():
    assert frames.build(frames.STATE, b"\x02") == STATE


def test_a_frame_is_taken_apart():
    assert fed(STATE) == [(frames.STATE, b"\x02")]


def test_what_a_board_prints_around_it_is_passed_over():
    assert fed(b"boot\r\nIMP\r\n" + STATE + b"IMPROV\r\n" + STATE) == [(1, b"\x02")] * 2


@pytest.mark.parametrize("at", range(6, len(STATE) - 1))
def test_a_damaged_frame_is_skipped_and_the_next_one_taken(at):
    damaged = STATE[:at] + bytes((STATE[at] ^ 1,)) + STATE[at + 1 :]
    assert (frames.STATE, b"\x02") in fed(damaged + STATE * 23)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.binary(max_size=255)), max_size=4),
    st.lists(st.integers(0, 1200), max_size=6),
)
def test_frames_arrive_whole_however_they_are_split(sent, cuts):
    stream = b"".join(frames.build(kind, data) for kind, data in sent)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    parts = [stream[a:b] for a, b in itertools.pairwise(edges)]
    assert fed(*parts) == sent
