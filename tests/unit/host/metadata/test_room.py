"""What boards read of the top-level targets is bounded, and products fill it."""

from datetime import UTC, datetime

import pytest

from host.errors import HostError
from host.metadata import changes, keys, parts, room
from host.metadata.changes import Change

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEY = keys.new().public_key


def composed(trusted, kind, **fields):
    base = trusted.targets.version
    change = Change(kind=kind, base=base, version=base + 1, issued=NOW, **fields)
    return change, changes.compose(trusted, change)


def approved(trusted, product, number=1):
    custom = changes.custom(product, number, ["ESP32_GENERIC"])
    given = {"path": changes.path_of(product, number), "content": b"{}", "custom": custom}
    return composed(trusted, "approve", **given)


@pytest.fixture
def crowded():
    """Makes a fleet of which so many products have a list of their own."""

    def crowded(count):
        made = changes.first([KEY], [KEY], KEY, NOW)
        lists = {f"product-{n:03d}": made["targets"] for n in range(count)}
        first = parts.Trusted(made["root"], made["targets"], lists)
        _, made = composed(first, "renew")
        return parts.Trusted(made["root"], made["targets"], lists)

    return crowded


@pytest.mark.parametrize(("count", "alarms"), ((1, 0), (90, 0), (100, 1), (122, 1)))
def test_an_alarm_rings_once_four_fifths_are_used(crowded, count, alarms):
    fleet = crowded(count)
    assert len(room.alarms(fleet.targets, fleet.root)) == alarms


def test_the_alarm_says_how_many_products_there_are_and_what_to_do(crowded):
    fleet = crowded(100)
    [said] = room.alarms(fleet.targets, fleet.root)
    assert "(100 products)" in said
    assert "host of their own" in said


def test_who_approves_is_told(crowded):
    fleet = crowded(100)
    change, made = approved(fleet, "lamp")
    assert [line[:2] for line in changes.difference(fleet, made, change)][-1] == "! "


def test_who_approves_in_a_fleet_with_room_is_not_bothered(crowded):
    fleet = crowded(3)
    change, made = approved(fleet, "lamp")
    assert "! " not in [line[:2] for line in changes.difference(fleet, made, change)]


def test_targets_that_boards_would_not_read_are_not_made(crowded):
    with pytest.raises(HostError) as caught:
        approved(crowded(122), "lamp")
    assert caught.value.code == "too-many-products"


def test_more_keys_leave_room_for_fewer_products(crowded):
    fleet = crowded(100)
    for _ in range(2):
        fleet.root.add_key(keys.new().public_key, "targets")
    with pytest.raises(HostError, match="too-many-products"):
        composed(fleet, "renew")


def test_what_is_too_large_already_may_still_shrink(crowded, monkeypatch):
    fleet = crowded(100)
    _, made = approved(fleet, "lamp")
    fleet = fleet._replace(targets=made["targets"])
    monkeypatch.setattr(room, "_VALUES", 500)
    _, made = composed(fleet, "withdraw", path="lamp/1.json")
    assert made["targets"].targets == {}
