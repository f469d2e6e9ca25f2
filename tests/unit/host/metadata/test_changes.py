"""What a change makes of the last trusted metadata: the same for everybody, and nothing more."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from host.errors import HostError
from host.metadata import changes, keys, parts, periods
from host.metadata.changes import Change

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEYS = [keys.new() for _ in range(4)]
ROOT, TARGETS, ONLINE, OTHER = KEYS


@pytest.fixture
def fleet():
    """What is trusted at first."""
    made = changes.first([ROOT.public_key], [TARGETS.public_key], ONLINE.public_key, NOW)
    return parts.Trusted(made["root"], made["targets"], {})


def after(trusted, change):
    """What is trusted once a change is published."""
    made = changes.compose(trusted, change)
    roles = {r: one for r, one in made.items() if r not in ("root", "targets")}
    roles = {**trusted.roles, **roles}
    root, targets = made.get("root", trusted.root), made.get("targets", trusted.targets)
    return parts.Trusted(root, targets, roles)


def approval(trusted, product, number, **fields):
    base = trusted.targets.version
    given = {
        "kind": "approve",
        "base": base,
        "version": base + 1,
        "issued": NOW,
        "path": changes.path_of(product, number),
        "content": b"{}",
        "custom": {"product": product, "number": number, "boards": ["ESP32_GENERIC"]},
    }
    return Change(**{**given, **fields})


def approved(trusted, product, numbers):
    for number in numbers:
        trusted = after(trusted, approval(trusted, product, number))
    return trusted


def keys_change(trusted, **fields):
    base = trusted.targets.version
    return Change(kind="keys", base=base, version=base + 1, issued=NOW, **fields)


def refusal(call, *arguments):
    with pytest.raises(HostError) as caught:
        call(*arguments)
    return caught.value.code


def test_an_approved_release_is_a_target_with_its_hash_and_what_it_is_for(fleet):
    entry = approved(fleet, "blink", [4]).targets.targets["blink/4.json"]
    assert (entry.length, entry.custom["boards"]) == (2, ["ESP32_GENERIC"])
    assert entry.hashes["sha256"].startswith("44136fa3")


def test_two_approvers_make_the_same_bytes(fleet):
    one, two = (changes.compose(fleet, approval(fleet, "blink", 4)) for _ in range(2))
    assert {r: parts.payload(s) for r, s in one.items()} == {
        r: parts.payload(s) for r, s in two.items()
    }


def test_composing_changes_nothing_that_is_trusted(fleet):
    before = parts.payload(fleet.targets), parts.payload(fleet.root)
    approved(fleet, "blink", [4])
    after(fleet, keys_change(fleet, add=(("targets", keys.describe(OTHER.public_key)),)))
    assert (parts.payload(fleet.targets), parts.payload(fleet.root)) == before


def test_a_change_to_something_older_is_refused(fleet):
    newer = approved(fleet, "blink", [4])
    assert refusal(changes.compose, newer, approval(fleet, "blink", 5)) == "stale-proposal"


def test_a_version_that_does_not_rise_is_refused(fleet):
    assert refusal(changes.compose, fleet, approval(fleet, "b", 4, version=1)) == "bad-request"


@pytest.mark.parametrize("path", ("fleet.json", "targets/1.json", "root/1.json", "loose.json"))
def test_a_release_cannot_be_named_like_something_else(fleet, path):
    assert refusal(changes.compose, fleet, approval(fleet, "x", 1, path=path)) == "bad-request"


def test_what_was_withdrawn_is_gone(fleet):
    there = approved(fleet, "blink", [3, 4])
    change = approval(there, "blink", 3, kind="withdraw", content=b"", custom=None)
    assert list(after(there, change).entries()) == ["blink/4.json"]


def test_the_largest_product_gets_a_list_of_its_own_beyond_24(fleet):
    full = approved(approved(fleet, "lamp", range(1, 9)), "blink", range(1, 17))
    assert (len(full.targets.targets), full.roles) == (24, {})
    apart = approved(full, "lamp", [9])
    assert list(apart.roles) == ["blink"]
    assert (len(apart.targets.targets), len(apart.roles["blink"].targets)) == (9, 16)
    role = apart.targets.delegations.roles["blink"]
    assert (role.paths, role.terminating, role.keyids, role.threshold) == (
        ["blink/*"], True, [TARGETS.public_key.keyid], 1,
    )  # fmt: skip


def test_a_release_of_a_product_with_a_list_of_its_own_goes_there(fleet):
    apart = approved(fleet, "blink", range(1, 25))
    apart = approved(apart, "lamp", [1])
    made = changes.compose(apart, approval(apart, "lamp", 2))
    assert set(made) == {"targets"}
    full = approval(apart, "blink", 25, removals=("blink/1.json",))
    assert set(changes.compose(apart, full)) == {"targets", "blink"}


def test_a_full_product_loses_its_oldest_that_nobody_needs(fleet):
    full = approved(fleet, "blink", range(1, 25))
    change = approval(full, "blink", 25)
    assert refusal(changes.compose, full, change) == "too-many-targets"
    gone = changes.removals(full, change, {"blink/1.json", "blink/3.json"})
    assert gone == ("blink/2.json",)
    change = dataclasses.replace(change, removals=gone)
    entries = after(full, change).entries()
    assert (len(entries), "blink/2.json" in entries) == (24, False)


def test_releases_for_many_boards_fill_a_list_sooner(fleet):
    def one(trusted, number):
        custom = {"product": "blink", "number": number, "boards": [f"M{n}" for n in range(32)]}
        change = approval(trusted, "blink", number, custom=custom)
        room = changes.removals(trusted, change, set())
        return after(trusted, dataclasses.replace(change, removals=room))

    for number in range(1, 41):
        fleet = one(fleet, number)
        every = parts.payload(fleet.targets), *map(parts.payload, fleet.roles.values())
        assert max(sum(map(file.count, (b"{", b"[", b","))) for file in every) < 400
    assert list(fleet.entries()) == [f"blink/{n}.json" for n in range(34, 41)]


def test_a_release_removes_none_of_another_product(fleet):
    there = approved(fleet, "lamp", [1])
    change = approval(there, "blink", 1, removals=("lamp/1.json",))
    assert refusal(changes.compose, there, change) == "bad-request"


def test_what_is_taken_out_is_shown_first(fleet):
    there = approved(fleet, "blink", [1, 2])
    change = approval(there, "blink", 3, removals=("blink/1.json",))
    lines = changes.difference(there, changes.compose(there, change), change)
    assert lines[0] == "- blink/1.json is taken out"
    assert lines[1].startswith("+ blink/3.json sha256 44136fa3")


def test_other_content_under_an_approved_name_is_shown(fleet):
    there = approved(fleet, "blink", [1])
    change = approval(there, "blink", 1, content=b"[]")
    lines = changes.difference(there, changes.compose(there, change), change)
    assert lines[0].startswith("~ blink/1.json becomes")


def test_a_key_that_comes_and_one_that_goes_are_in_the_next_root(fleet):
    added, gone = OTHER.public_key, TARGETS.public_key.keyid
    change = keys_change(fleet, add=(("targets", keys.describe(added)),), remove=(gone,))
    made = changes.compose(fleet, change)
    assert (made["root"].version, made["root"].roles["targets"].keyids) == (2, [added.keyid])
    assert set(made) == {"root", "targets"}
    assert gone not in made["root"].keys


def test_another_root_key_leaves_the_targets_alone(fleet):
    change = keys_change(fleet, add=(("root", keys.describe(OTHER.public_key)),))
    assert set(changes.compose(fleet, change)) == {"root"}


def test_products_lists_are_signed_anew_when_their_keys_change(fleet):
    apart = approved(approved(fleet, "blink", range(1, 25)), "lamp", [1])
    change = keys_change(apart, add=(("targets", keys.describe(OTHER.public_key)),))
    made = changes.compose(apart, change)
    assert set(made) == {"root", "targets", "blink"}
    assert OTHER.public_key.keyid in made["targets"].delegations.roles["blink"].keyids


@pytest.mark.parametrize("thresholds", ({"targets": 2}, {"root": 2}))
def test_more_signatures_than_keys_are_refused(fleet, thresholds):
    change = keys_change(fleet, thresholds=thresholds)
    assert refusal(changes.compose, fleet, change) == "bad-request"


def test_the_last_key_of_a_role_stays(fleet):
    change = keys_change(fleet, remove=(ROOT.public_key.keyid,))
    assert refusal(changes.compose, fleet, change) == "bad-request"


def test_renewing_signs_all_that_people_sign_anew(fleet):
    apart = approved(approved(fleet, "blink", range(1, 25)), "lamp", [1])
    change = dataclasses.replace(keys_change(apart), kind="renew")
    assert set(changes.compose(apart, change)) == {"root", "targets", "blink"}


def test_a_list_that_is_half_through_its_life_is_signed_along(fleet):
    apart = approved(approved(fleet, "blink", range(1, 25)), "lamp", [1])
    later = NOW + timedelta(days=201)
    made = changes.compose(apart, approval(apart, "lamp", 2, issued=later))
    assert set(made) == {"targets", "blink"}
    assert made["blink"].expires == later + periods.period("targets")


@pytest.mark.parametrize(("days", "is_good"), ((0, True), (-29, True), (-31, False), (2, False)))
def test_a_time_of_somebody_s_choice_is_not_signed(fleet, days, is_good):
    change = approval(fleet, "blink", 1, issued=NOW + timedelta(days=days))
    assert changes.is_plausible(change, NOW) == is_good


@pytest.mark.parametrize("odd", ("\U0001f600", "\ud800"))
def test_characters_that_boards_misread_are_not_written(fleet, odd):
    custom = {"product": "blink", "number": 1, "boards": [odd]}
    made = changes.compose(fleet, approval(fleet, "blink", 1, custom=custom))
    assert refusal(parts.payload, made["targets"]) == "bad-text"
    assert refusal(parts.envelope, made["targets"], {}) == "bad-text"
