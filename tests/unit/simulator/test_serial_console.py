"""What the interpreter prints becomes what a board says."""

import pytest

from simulator.console import REPL_STARTS, Console

RAW = b"raw REPL; CTRL-B to exit\r\n>"
BANNER = b'MicroPython 1.26\r\nType "help()" for more information.\r\n>>> '


def test_the_mark_before_the_prompt_is_not_shown():
    assert Console().feed(b"boot\r\n" + REPL_STARTS + BANNER) == (b"boot\r\n" + BANNER, b"")


def test_a_raw_start_shows_no_friendly_prompt():
    console = Console()
    console.restart(raw=True)
    first, typed = console.feed(b"boot\r\n" + REPL_STARTS + BANNER)
    second, _ = console.feed(b"\r\n" + RAW)
    assert (first + second, typed) == (b"boot\r\n" + RAW, b"\x01")


@pytest.mark.parametrize(
    ("said", "is_raw"), ((RAW, True), (BANNER, False), (RAW + b"\r\n" + BANNER, False))
)
def test_the_mode_is_that_of_the_last_banner(said, is_raw):
    console = Console()
    console.feed(said)
    assert console.is_raw is is_raw


@pytest.mark.parametrize("size", (1, 2, 3, 7))
def test_marks_are_found_in_pieces_too(size):
    console = Console()
    console.restart(raw=True)
    said = b"boot\n" + REPL_STARTS + BANNER + b"\r\n" + RAW + b"more"
    shown = b"".join(console.feed(said[n : n + size])[0] for n in range(0, len(said), size))
    assert shown + console.finish() == b"boot\r\n" + RAW + b"more"


def test_lines_end_with_cr_lf_however_they_come():
    console = Console()
    shown = b"".join(console.feed(piece)[0] for piece in (b"a\n", b"\nb\r", b"\nc\r\n", b"\n"))
    assert shown == b"a\r\n\r\nb\r\nc\r\n\r\n"


def test_what_only_looks_like_a_mark_is_shown_at_the_end():
    console = Console()
    shown, _ = console.feed(b"hello raw REPL")
    assert shown + console.finish() == b"hello raw REPL"


@pytest.mark.parametrize("size", (1, 2, 5, 100))
def test_frames_of_bytes_pass_as_they_are(size):
    frame = b"IMPROV\x01\x04\x0a" + b"\n\r\n\x03\n1234\n" + b"\n"  # a sum that is a line feed
    said = b"log\n" + frame + b"\n" + frame + b"\nmore\n"
    console = Console()
    shown = b"".join(console.feed(said[n : n + size])[0] for n in range(0, len(said), size))
    assert shown == b"log\r\n" + frame + b"\r\n" + frame + b"\r\nmore\r\n"
