"""Which tracebacks are one fault."""

import pytest

from host.rollouts.fingerprint import fingerprint

ONE = """Traceback (most recent call last):
  File "/slots/a/app/main.py", line 12, in main
  File "/slots/a/app/pump.py", line 3, in read
OSError: [Errno 116] ETIMEDOUT
"""

ALIKE = {
    "itself": ONE,
    "from the other slot": ONE.replace("/slots/a/", "/slots/b/"),
    "another number": ONE.replace("116", "5"),
    "without the last line end": ONE.rstrip(),
    "cut at its start": ONE[ONE.index("  File") :],
}
OTHERS = {
    "another line": ONE.replace("line 3", "line 4"),
    "another file": ONE.replace("pump", "lamp"),
    "another error": ONE.replace("OSError", "ValueError"),
    "another function": ONE.replace("in read", "in write"),
}


@pytest.mark.parametrize("other", ALIKE.values(), ids=ALIKE)
def test_these_are_one_fault(other):
    assert fingerprint(other) == fingerprint(ONE)


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_these_are_others(other):
    assert fingerprint(other) != fingerprint(ONE)


@pytest.mark.parametrize("text", (None, "", "\n \n"))
def test_without_a_traceback_there_is_none(text):
    assert fingerprint(text) is None


def test_addresses_and_names_in_an_error_do_not_matter():
    one = "KeyError: 'kitchen' in <dict object at 0x7f3c>"
    assert fingerprint(one) == fingerprint("KeyError: 'garden' in <dict object at 0x12aB>")


def test_the_id_of_a_board_in_an_error_does_not_matter():
    ids = ("240ac4000021", "240ac400001c", "cafe01234567")
    assert len({fingerprint(f"ValueError: {one} is odd") for one in ids}) == 1
