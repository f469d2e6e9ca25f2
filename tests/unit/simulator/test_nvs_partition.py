"""Values in NVS are the old or the new ones, wherever the power was cut."""

import pytest

from simulator.flash import Flash, PowerCut
from simulator.nvs import BLOB, INTEGER, Nvs, NvsFullError
from simulator.partitions import LAYOUT, find

PARTITION = find(LAYOUT, "nvs")
BIG = 1500  # so that a few writes fill a half and the values move


@pytest.fixture
def flash(tmp_path):
    flash = Flash(tmp_path / "flash.bin")
    yield flash
    flash.close()


def put(nvs, key, data, kind=BLOB):
    nvs.set("app", key, kind, data)
    nvs.commit("app")


def test_a_value_is_there_after_the_power_was_away(flash):
    put(Nvs(flash, PARTITION), "secret", b"\x01\x02")
    assert Nvs(flash, PARTITION).get("app", "secret") == (BLOB, b"\x01\x02")


def test_a_value_has_a_type(flash):
    put(Nvs(flash, PARTITION), "number", b"\x05\0\0\0", INTEGER)
    assert Nvs(flash, PARTITION).get("app", "number") == (INTEGER, b"\x05\0\0\0")


def test_namespaces_are_apart(flash):
    nvs = Nvs(flash, PARTITION)
    put(nvs, "x", b"1")
    assert nvs.get("other", "x") is None


def test_what_was_not_committed_is_lost(flash):
    nvs = Nvs(flash, PARTITION)
    put(nvs, "x", b"old")
    nvs.set("app", "x", BLOB, b"new")
    assert nvs.get("app", "x") == (BLOB, b"new")
    nvs.reload(PARTITION)
    assert nvs.get("app", "x") == (BLOB, b"old")


def test_an_erased_value_is_gone(flash):
    nvs = Nvs(flash, PARTITION)
    put(nvs, "x", b"1")
    assert nvs.erase("app", "x")
    nvs.commit("app")
    assert Nvs(flash, PARTITION).get("app", "x") is None


def test_erasing_what_is_not_there_says_so(flash):
    assert not Nvs(flash, PARTITION).erase("app", "x")


def test_writing_what_is_there_costs_nothing(flash):
    nvs = Nvs(flash, PARTITION)
    put(nvs, "x", b"1")
    before = flash.operations
    put(nvs, "x", b"1")
    assert flash.operations == before


def test_a_full_log_moves_and_keeps_everything(flash):
    nvs = Nvs(flash, PARTITION)
    put(nvs, "kept", b"k" * 100)
    for n in range(40):
        put(nvs, "x", bytes([n]) * BIG)
    again = Nvs(flash, PARTITION)
    assert again.get("app", "kept") == (BLOB, b"k" * 100)
    assert again.get("app", "x") == (BLOB, bytes([39]) * BIG)


def test_a_value_that_does_not_fit_is_refused_and_nothing_lost(flash):
    nvs = Nvs(flash, PARTITION)
    put(nvs, "x", b"1" * 4000)
    with pytest.raises(NvsFullError):
        put(nvs, "y", b"2" * 5000)
    assert Nvs(flash, PARTITION).get("app", "x") == (BLOB, b"1" * 4000)


def operations():
    """Enough to write a value, fill a half, and move to the other."""
    return range(1, 13)


@pytest.mark.parametrize("when", ("before", "middle", "after"))
@pytest.mark.parametrize("n", operations())
def test_a_cut_leaves_the_old_value_or_the_new(flash, n, when):
    nvs = Nvs(flash, PARTITION)
    put(nvs, "kept", b"k")
    put(nvs, "x", b"0" * BIG)
    last = 0
    flash.cut_power_at(n, when)
    try:
        for last in range(1, 20):
            put(nvs, "x", str(last % 10).encode() * BIG)
    except PowerCut:
        pass
    else:
        pytest.fail("the cut never came")
    again = Nvs(flash, PARTITION)
    assert again.get("app", "kept") == (BLOB, b"k")
    assert again.get("app", "x")[1] in [str(v % 10).encode() * BIG for v in (last - 1, last)]
    for value in (
        b"a" * BIG,
        b"b" * BIG,
        b"c" * BIG,
        b"d" * BIG,
        b"e" * BIG,
        b"f" * BIG,
    ):  # and it goes on
        put(again, "x", value)
    assert Nvs(flash, PARTITION).get("app", "x") == (BLOB, b"f" * BIG)
