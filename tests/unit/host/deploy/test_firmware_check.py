"""Which firmware will do, as a table."""

import pytest

from host.deploy.firmware import reason_against

GOOD = {
    "name": "micropython",
    "version": [1, 25, 0],
    "abi": 6,
    "offers": ["asyncio", "esp32", "hashlib", "json", "machine", "network", "ssl"],
}
CASES = {  # what differs from a good one, word
    "oldest": ({}, None),
    "newer": ({"version": [2, 0, 0]}, None),
    "old": ({"version": [1, 24, 1]}, "old-firmware"),
    "circuitpython": ({"name": "circuitpython"}, "not-micropython"),
    "no mpy": ({"abi": 0}, "wrong-abi"),
    "no network": ({"offers": ["asyncio", "hashlib", "json", "machine"]}, "missing-modules"),
}


@pytest.mark.parametrize(("differs", "word"), CASES.values(), ids=CASES)
def test_a_firmware_will_do_or_the_reason_is_given(differs, word):
    why = reason_against({**GOOD, **differs})
    assert (why and why[0]) == word


def test_missing_modules_are_named():
    said = {**GOOD, "offers": ["asyncio", "esp32", "hashlib", "json", "machine"]}
    assert reason_against(said)[1] == "the board's firmware lacks network, ssl"
