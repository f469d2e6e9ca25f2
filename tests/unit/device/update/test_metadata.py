"""What the board's TUF client believes: the workflow, and what the official suite leaves out."""

import hashlib
import json

import pytest
from securesystemslib.formats import encode_canonical

from tests.unit.device.update.repository import (
    KEYS,
    LATER,
    NOW,
    head,
    refused,
    role,
    signed_by,
)

EVE = KEYS[5]


def test_a_refresh_asks_for_each_role_once_and_believes_it(visit, repository):
    (said,) = visit(repository.files())
    assert said["versions"] == {"root": 1, "timestamp": 1, "snapshot": 1, "targets": 1}
    assert said["asked"] == ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]


def test_without_consistent_snapshots_names_have_no_versions(visit, repository):
    repository.signed["root"]["consistent_snapshot"] = False
    repository.keep_root()
    files = repository.files()
    plain = {name.removeprefix("1."): data for name, data in files.items()}
    (said,) = visit(plain | {"1.root.json": files["1.root.json"]})
    assert said["asked"] == ["2.root.json", "timestamp.json", "snapshot.json", "targets.json"]


def test_what_has_not_changed_is_not_fetched_again(visit, repository):
    _, said = visit(repository.files(), repository.files())
    assert said["asked"] == ["2.root.json", "timestamp.json"]


def test_a_target_is_found_with_its_custom_part(visit, repository):
    repository.add("blink/4.json", product="blink", number=4)
    (said,) = visit(repository.files(), path="blink/4.json")
    assert said["entry"]["custom"] == {"product": "blink", "number": 4}


def test_a_target_that_nobody_lists_is_not_found(visit, repository):
    (said,) = visit(repository.files(), path="blink/4.json")
    assert said["entry"] is None


# --- roots


def test_a_chain_of_roots_is_followed_and_the_last_is_kept(visit, repository):
    first = repository.files()
    repository.next_root()
    repository.next_root()
    _, said = visit(first, repository.files())
    assert said["held"]["root"] == 3


def test_a_root_that_the_old_keys_did_not_sign_is_refused(visit, repository):
    first = repository.files()
    root = repository.signed["root"]
    repository.signers["root"] = (EVE,)
    repository.next_root(
        keys=root["keys"] | {EVE.id: EVE.public}, roles=root["roles"] | {"root": role(EVE)}
    )
    _, said = visit(first, repository.files())
    assert (refused(said), said["held"]["root"]) == ("bad-signature", 1)


def test_a_root_that_its_own_keys_did_not_sign_is_refused(visit, repository):
    first = repository.files()
    root = repository.signed["root"]
    repository.next_root(
        keys=root["keys"] | {EVE.id: EVE.public}, roles=root["roles"] | {"root": role(EVE)}
    )
    _, said = visit(first, repository.files())
    assert (refused(said), said["held"]["root"]) == ("bad-signature", 1)


def test_a_root_that_skips_a_version_is_refused(visit, repository):
    first = repository.files()
    repository.next_root()
    repository.next_root()
    files = repository.files()
    files["2.root.json"] = files.pop("3.root.json")
    _, said = visit(first, files)
    assert (refused(said), said["held"]["root"]) == ("old-metadata", 1)


def test_a_chain_that_is_very_long_is_followed_in_two_visits(visit, repository):
    for _ in range(66):
        repository.next_root()
    said, after = visit(*[repository.roots | repository.files()] * 2)
    assert (said["held"]["root"], after["held"]["root"]) == (65, 67)


def test_an_expired_root_ends_the_refresh_but_a_later_one_saves_it(visit, repository):
    first = repository.files()
    repository.next_root(expires="2026-05-01T00:00:00Z")
    expired = repository.files()
    repository.next_root(expires=LATER)
    _, said, after = visit(first, expired, repository.files())
    assert (refused(said), after["versions"]["root"]) == ("expired-metadata", 3)


def test_new_online_keys_end_what_a_thief_of_the_old_ones_pushed_far_ahead(visit, repository):
    repository.signed["timestamp"]["version"] = 10**6
    repository.signed["snapshot"]["version"] = 10**6
    ahead = repository.files()
    repository.signers |= {"timestamp": (KEYS[4],), "snapshot": (KEYS[4],)}
    root = repository.signed["root"]
    online = {"timestamp": role(KEYS[4]), "snapshot": role(KEYS[4])}
    repository.next_root(
        keys=root["keys"] | {KEYS[4].id: KEYS[4].public}, roles=root["roles"] | online
    )
    repository.signed["timestamp"]["version"] = repository.signed["snapshot"]["version"] = 2
    _, said = visit(ahead, repository.files())
    assert said["versions"] == {"root": 2, "timestamp": 2, "snapshot": 2, "targets": 1}


def test_new_online_keys_end_what_a_thief_said_of_targets_that_never_were(visit, repository):
    repository.files()
    repository.signed["targets"]["version"] = 10**6
    ahead = repository.files()
    del ahead["1000000.targets.json"]
    repository.signers |= {"timestamp": (KEYS[4],), "snapshot": (KEYS[4],)}
    root = repository.signed["root"]
    online = {"timestamp": role(KEYS[4]), "snapshot": role(KEYS[4])}
    repository.next_root(
        keys=root["keys"] | {KEYS[4].id: KEYS[4].public}, roles=root["roles"] | online
    )
    repository.signed["targets"]["version"] = 1
    repository.next("snapshot")
    stuck, said = visit(ahead, repository.files())
    assert (refused(stuck), said["versions"]["targets"]) == ("bad-metadata", 1)


def test_a_first_root_that_nobody_signed_is_refused(visit, repository):
    files = repository.files()
    files["1.root.json"] = signed_by(repository.signed["root"])
    (said,) = visit(files)
    assert refused(said) == "bad-signature"


# --- versions and expiry


@pytest.mark.parametrize("name", ("timestamp", "snapshot", "targets"))
def test_metadata_that_goes_back_is_refused(visit, repository, name):
    before = {"timestamp": (), "snapshot": ("timestamp",), "targets": ("snapshot", "timestamp")}
    old = repository.files()
    repository.next("targets")
    new = repository.files()
    repository.signed[name]["version"] -= 1
    for later in before[name]:
        repository.signed[later]["version"] += 1
    _, _, said = visit(old, new, repository.files())
    assert refused(said) == "old-metadata"


@pytest.mark.parametrize("name", ("timestamp", "snapshot", "targets"))
def test_expired_metadata_is_refused_and_not_kept(visit, repository, name):
    repository.signed[name]["expires"] = NOW
    (said,) = visit(repository.files())
    assert (refused(said), name in said["held"]) == ("expired-metadata", False)


@pytest.mark.parametrize("name", ("timestamp", "snapshot", "targets"))
def test_metadata_that_expired_where_it_is_held_is_refused(visit, repository, name):
    repository.signed[name]["expires"] = "2026-07-01T00:00:00Z"
    _, said = visit(repository.files(), repository.files(), now=(NOW, "2026-08-01T00:00:00Z"))
    assert refused(said) == "expired-metadata"


def test_without_a_clock_signatures_and_versions_hold_and_expiry_is_left_open(visit, repository):
    repository.signed["targets"]["expires"] = "2001-01-01T00:00:00Z"
    fine = repository.files()
    repository.signers["targets"] = (EVE,)
    repository.next("targets")
    said, forged = visit(fine, repository.files(), now=None)
    assert (said["versions"]["targets"], refused(forged)) == (1, "bad-signature")


def test_a_role_of_another_version_than_the_snapshot_says_is_refused(visit, repository):
    files = repository.files()
    repository.signed["targets"]["version"] = 2
    files["1.targets.json"] = signed_by(repository.signed["targets"], KEYS[3])
    (said,) = visit(files)
    assert refused(said) == "bad-metadata"


def test_a_role_that_leaves_the_snapshot_is_refused(visit, repository):
    repository.delegate("blink", KEYS[4])
    first = repository.files()
    del repository.signed["blink"], repository.signed["snapshot"]["meta"]["blink.json"]
    repository.next()
    _, said = visit(first, repository.files())
    assert refused(said) == "old-metadata"


# --- signatures


@pytest.mark.parametrize("name", ("timestamp", "snapshot", "targets"))
@pytest.mark.parametrize("signers", ((), (EVE,), (KEYS[0],)), ids=("nobody", "a stranger", "root"))
def test_metadata_without_a_signature_of_its_role_is_refused(visit, repository, name, signers):
    repository.signers[name] = signers
    (said,) = visit(repository.files())
    assert refused(said) == "bad-signature"


def test_two_of_two_are_needed_where_two_are_asked_for(visit, repository):
    root = repository.signed["root"]
    root["keys"][EVE.id] = EVE.public
    root["roles"]["targets"] = role(KEYS[3], EVE, threshold=2)
    repository.keep_root()
    alone = repository.files()
    repository.signers["targets"] = (KEYS[3], EVE)
    (said,), (after,) = visit(alone), visit(repository.files())
    assert (refused(said), after["versions"]["targets"]) == ("bad-signature", 1)


def test_one_signature_twice_is_no_two(visit, repository):
    root = repository.signed["root"]
    root["roles"]["targets"] = role(KEYS[3], EVE, threshold=2)
    repository.keep_root()
    repository.signers["targets"] = (KEYS[3], KEYS[3])
    (said,) = visit(repository.files())
    assert refused(said) == "bad-metadata"


def test_one_key_under_two_ids_counts_once(visit, repository):
    twin = {**KEYS[3].public, "note": "the same key, so another id"}
    twin_id = hashlib.sha256(encode_canonical(twin).encode()).hexdigest()
    root = repository.signed["root"]
    root["keys"][twin_id] = twin
    root["roles"]["targets"] = {"keyids": [KEYS[3].id, twin_id], "threshold": 2}
    repository.keep_root()
    envelope = json.loads(signed_by(repository.signed["targets"], KEYS[3]))
    envelope["signatures"].append({**envelope["signatures"][0], "keyid": twin_id})
    repository.raw["targets"] = json.dumps(envelope).encode()
    (said,) = visit(repository.files())
    assert refused(said) == "bad-signature"


def test_a_key_under_an_id_that_is_not_its_hash_counts_for_nothing(visit, repository):
    root = repository.signed["root"]
    root["keys"]["ab" * 32] = root["keys"].pop(KEYS[3].id)
    root["roles"]["targets"]["keyids"] = ["ab" * 32]
    repository.keep_root()
    envelope = json.loads(signed_by(repository.signed["targets"], KEYS[3]))
    envelope["signatures"][0]["keyid"] = "ab" * 32
    repository.raw["targets"] = json.dumps(envelope).encode()
    (said,) = visit(repository.files())
    assert refused(said) == "bad-signature"


def test_a_signature_over_other_content_is_refused(visit, repository):
    repository.add("blink/4.json")
    envelope = json.loads(signed_by(repository.signed["targets"], KEYS[3]))
    envelope["signed"]["targets"]["blink/4.json"]["length"] += 1
    repository.raw["targets"] = json.dumps(envelope).encode()
    (said,) = visit(repository.files())
    assert refused(said) == "bad-signature"


# --- hashes and lengths


def test_a_file_with_other_bytes_than_the_snapshot_says_is_refused(visit, repository):
    repository.seals["targets"] = {"hashes": {"sha256": "ab" * 32}}
    (said,) = visit(repository.files())
    assert refused(said) == "bad-metadata"


def test_a_file_known_by_a_hash_we_do_not_compute_is_refused(visit, repository):
    repository.seals["targets"] = {"hashes": {"md5": "ab" * 16}}
    (said,) = visit(repository.files())
    assert refused(said) == "bad-metadata"


@pytest.mark.parametrize("length", (1, 32000), ids=("longer than said", "shorter than said"))
def test_a_file_of_another_length_than_the_snapshot_says_is_refused(visit, repository, length):
    repository.seals["targets"] = {"length": length}
    (said,) = visit(repository.files())
    assert refused(said) == "bad-metadata"


def test_no_more_is_fetched_than_the_snapshot_says(visit, repository):
    repository.seals["targets"] = {"length": 100}
    (said,) = visit(repository.files())
    assert (refused(said), said["values"][0]) == ("bad-metadata", "over")


def test_a_length_beyond_what_the_board_bears_is_not_taken_from_the_snapshot(visit, repository):
    repository.seals["targets"] = {"length": 10**7}
    repository.raw["targets"] = signed_by(repository.signed["targets"], KEYS[3]) + b" " * 40000
    (said,) = visit(repository.files())
    assert (refused(said), said["values"][0]) == ("bad-metadata", "over")


# --- delegations


def test_a_delegated_target_is_found_where_its_path_is_trusted(visit, repository):
    repository.delegate("blink", KEYS[4], paths=["blink/*"])
    repository.add("blink/4.json", role="blink")
    repository.add("lamp/4.json", role="blink")
    (said,), (stray,) = (
        visit(repository.files(), path="blink/4.json"),
        visit(repository.files(), path="lamp/4.json"),
    )
    assert (said["entry"]["length"], stray["entry"]) == (1, None)


def test_a_star_does_not_reach_across_a_slash(visit, repository):
    repository.delegate("blink", KEYS[4], paths=["*.json"])
    repository.add("blink/4.json", role="blink")
    (said,) = visit(repository.files(), path="blink/4.json")
    assert said["entry"] is None


def test_roles_by_prefix_of_the_paths_hash_are_found(visit, repository):
    prefix = hashlib.sha256(b"blink/4.json").hexdigest()[:2]
    repository.delegate("some", KEYS[4], path_hash_prefixes=[prefix])
    repository.add("blink/4.json", role="some")
    (said,) = visit(repository.files(), path="blink/4.json")
    assert said["entry"]["length"] == 1


@pytest.mark.parametrize("bits", (1, 4, 9))
def test_a_target_in_hash_bins_is_found(visit, repository, bits):
    number = int.from_bytes(hashlib.sha256(b"blink/4.json").digest()[:4], "big") >> (32 - bits)
    name = f"bin-{number:0{(bits + 3) // 4}x}"
    bins = role(KEYS[4], bit_length=bits, name_prefix="bin")
    repository.signed["targets"]["delegations"] = {
        "keys": {KEYS[4].id: KEYS[4].public},
        "succinct_roles": bins,
    }
    repository.signed[name] = head("targets", targets={})
    repository.signers[name] = (KEYS[4],)
    repository.add("blink/4.json", role=name)
    (said,) = visit(repository.files(), path="blink/4.json")
    assert said["entry"]["length"] == 1


def test_a_delegated_role_that_the_snapshot_does_not_know_is_not_asked(visit, repository):
    repository.delegate("blink", KEYS[4])
    files = repository.files()
    del repository.signed["snapshot"]["meta"]["blink.json"]
    files["1.snapshot.json"] = signed_by(repository.signed["snapshot"], KEYS[2])
    (said,) = visit(files, path="blink/4.json")
    assert (refused(said), "1.blink.json" in said["asked"]) == ("bad-metadata", False)


def test_of_two_roles_that_list_a_target_the_first_decides(visit, repository):
    repository.delegate("first", KEYS[4])
    repository.delegate("second", KEYS[4])
    repository.add("blink/4.json", b"x", role="first")
    repository.add("blink/4.json", b"xy", role="second")
    (said,) = visit(repository.files(), path="blink/4.json")
    assert said["entry"]["length"] == 1


def test_a_terminating_role_ends_the_search(visit, repository):
    repository.delegate("first", KEYS[4], terminating=True)
    repository.delegate("second", KEYS[4])
    repository.add("blink/4.json", role="second")
    (said,) = visit(repository.files(), path="blink/4.json")
    assert (said["entry"], "1.second.json" in said["asked"]) == (None, False)


def test_roles_that_delegate_in_a_circle_end(visit, repository):
    repository.delegate("blink", KEYS[4])
    repository.signed["blink"]["delegations"] = repository.signed["targets"]["delegations"]
    (said,) = visit(repository.files(), path="blink/4.json")
    assert said["entry"] is None


def test_no_more_roles_are_asked_than_the_limit(visit, repository):
    for n in range(60):
        repository.delegate(f"role{n}", KEYS[4])
    (said,) = visit(repository.files(), path="blink/4.json")
    assert (said["entry"], len(said["asked"])) == (None, 4 + 32)


@pytest.mark.parametrize("name", ("root", "timestamp", "snapshot", "targets", ""))
def test_a_delegated_role_may_not_be_named_like_a_top_level_one(visit, repository, name):
    repository.signed["targets"]["delegations"] = {
        "keys": {EVE.id: EVE.public},
        "roles": [role(EVE, name=name, terminating=False, paths=["*"])],
    }
    (said,) = visit(repository.files(), path="blink/4.json")
    assert refused(said) == "bad-metadata"


def test_a_held_role_is_judged_by_who_may_sign_it_now(visit, repository):
    repository.delegate("blink", EVE)
    repository.add("blink/4.json", role="blink")
    first = repository.files()
    del repository.signed["targets"]["delegations"]
    blink = repository.signed.pop("blink")
    repository.delegate("blink", KEYS[4])
    repository.signed["blink"] = blink
    repository.signers["blink"] = (EVE,)
    repository.next("targets")
    said, after = visit(first, repository.files(), path="blink/4.json")
    assert (said["entry"]["length"], refused(after)) == (1, "bad-signature")


@pytest.mark.parametrize("name", ("timestamp.json", "1.snapshot.json", "1.targets.json"))
def test_a_file_that_is_missing_ends_the_refresh(visit, repository, name):
    files = repository.files()
    del files[name]
    (said,) = visit(files)
    assert refused(said) == "bad-metadata"
