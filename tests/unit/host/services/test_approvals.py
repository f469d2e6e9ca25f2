"""Approving: one change, enough people, and nothing that somebody else composed."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from host_samples import PASSPHRASE, make_device, make_user
from tuf.api.metadata import Metadata

from host.errors import HostError
from host.metadata import keys, parts, room
from host.models import Proposal, SeenVersion, Signer, User
from host.services import (
    assignments,
    composing,
    proposals,
    releases,
    signers,
    trust,
    withdrawal,
)


@pytest.fixture(autouse=True)
def _founded(trusted_host):
    """A fleet with keys."""


@pytest.fixture
def store(host):
    return host.trust


@pytest.fixture
def ada(db, approver):
    return db.get(User, approver.id)


@pytest.fixture
def root(db, admin):
    """The admin, as a person of the database."""
    return db.get(User, admin.id)


def refusal(call, *arguments, **more):
    with pytest.raises(HostError) as caught:
        call(*arguments, **more)
    return caught.value.code


def approve(db, host, user, release, passphrase=PASSPHRASE):
    proposal = proposals.propose(
        db, host.trust, user, "approve", product=release.product, number=release.number
    )
    proposals.sign_held(db, host.settings, host.trust, proposal, user, passphrase)
    return proposal


@pytest.fixture
def own_key(db, host, root):
    """Gives a person a key of their own among those that sign targets; (user, key)."""

    def give(email, thresholds=None):
        made = keys.new()
        user = db.get(User, make_user(db, email, "approver").id)
        public = keys.describe(made.public_key)
        arguments = host.trust, root, "targets", public, email, thresholds
        proposal = signers.add(db, *arguments)
        proposals.sign_held(db, host.settings, host.trust, proposal, root, PASSPHRASE)
        if proposal.state == "open":  # from now on it takes two, for this very list already
            given = signatures(db, host.trust, proposal, made)
            proposals.sign(db, host.trust, proposal, user, given, proposal.base)
        assert proposal.state == "signed"
        db.commit()
        return user, made

    return give


def signatures(db, store, proposal, key, role="targets"):
    _, _, made = composing.composed(db, store, proposal)
    return [(role, *parts.sign(key, made[role]))]


def test_the_passphrase_approves_where_the_host_holds_the_key(db, host, ada, release):
    assert not trust.is_approved(host.trust, release)
    assert approve(db, host, ada, release).state == "signed"
    assert trust.is_approved(host.trust, release)


def test_another_release_is_not_approved_along(db, host, ada, release, upload):
    upload(3)
    approve(db, host, ada, release)
    assert not trust.is_approved(host.trust, releases.find(db, "blink", 3))


def test_a_wrong_passphrase_approves_nothing(db, host, ada, release):
    assert refusal(approve, db, host, ada, release, "wrong horse") == "wrong-passphrase"
    assert not trust.is_approved(host.trust, release)


def test_a_passphrase_is_not_guessed_for_long(db, host, ada, release):
    codes = [refusal(approve, db, host, ada, release, f"wrong horse {n}") for n in range(11)]
    assert (codes[0], codes[-1]) == ("wrong-passphrase", "rate-limited")


def test_only_wrong_passphrases_are_counted(db, host, ada, release):
    assert refusal(approve, db, host, ada, release, "wrong horse") == "wrong-passphrase"
    for _ in range(12):
        proposals.unseal(db, host.settings, host.trust, ada, PASSPHRASE)


def test_an_operator_does_not_approve(db, host, alice, release):
    assert refusal(approve, db, host, db.get(User, alice.id), release) == "forbidden"


def test_two_signatures_take_two_people(db, host, ada, release, own_key):
    eve, key = own_key("eve@example.com", {"targets": 2})
    assert approve(db, host, ada, release).state == "open"
    assert not trust.is_approved(host.trust, release)
    proposal = proposals.of_release(db, release)
    given = signatures(db, host.trust, proposal, key)
    proposals.sign(db, host.trust, proposal, eve, given, proposal.base)
    assert (proposal.state, trust.is_approved(host.trust, release)) == ("signed", True)


def test_one_person_does_not_sign_twice_with_two_keys(db, host, release, own_key):
    eve, key = own_key("eve@example.com", {"targets": 2})
    proposal = approve(db, host, eve, release)
    given = signatures(db, host.trust, proposal, key)
    arguments = db, host.trust, proposal, eve, given, proposal.base
    assert refusal(proposals.sign, *arguments) == "signed-already"
    assert not trust.is_approved(host.trust, release)


def test_one_key_does_not_sign_twice_by_two_people(db, host, ada, root, release, own_key):
    own_key("eve@example.com", {"targets": 2})
    approve(db, host, ada, release)
    assert refusal(approve, db, host, root, release) == "signed-already"


def test_a_signature_over_other_bytes_is_refused(db, host, release, own_key):
    eve, key = own_key("eve@example.com")
    proposal = proposals.propose(db, host.trust, eve, "approve", product="blink", number=2)
    ((role, keyid, _),) = signatures(db, host.trust, proposal, key)
    other = key.sign(b"other bytes").signature
    arguments = db, host.trust, proposal, eve, [(role, keyid, other)], proposal.base
    assert refusal(proposals.sign, *arguments) == "bad-signature"


def test_somebody_else_s_key_is_refused(db, host, ada, release, own_key):
    _, key = own_key("eve@example.com")
    proposal = proposals.propose(db, host.trust, ada, "approve", product="blink", number=2)
    given = signatures(db, host.trust, proposal, key)
    arguments = db, host.trust, proposal, ada, given, proposal.base
    assert refusal(proposals.sign, *arguments) == "not-a-signer"


def test_a_key_that_the_root_does_not_name_is_refused(db, host, ada, release):
    key = keys.new()
    trust.add_signer(db, key.public_key, "targets", ada)
    db.flush()
    proposal = proposals.propose(db, host.trust, ada, "approve", product="blink", number=2)
    given = signatures(db, host.trust, proposal, key)
    arguments = db, host.trust, proposal, ada, given, proposal.base
    assert refusal(proposals.sign, *arguments) == "not-a-signer"


def test_a_proposal_to_older_targets_is_refused_and_is_brought_up_to_date(
    db, host, ada, release, upload, own_key
):
    upload(3)
    eve, key = own_key("eve@example.com")
    proposal = proposals.propose(db, host.trust, eve, "approve", product="blink", number=3)
    given, base = signatures(db, host.trust, proposal, key), proposal.base
    approve(db, host, ada, release)  # somebody was faster
    arguments = db, host.trust, proposal, eve
    assert refusal(proposals.sign, *arguments, given, base) == "stale-proposal"
    given = signatures(db, host.trust, proposal, key)
    proposals.sign(*arguments, given, proposal.base)
    assert proposal.state == "signed"


def test_signatures_over_older_targets_are_void(db, host, ada, root, release, upload, own_key):
    upload(3)
    eve, key = own_key("eve@example.com", {"targets": 2})
    third = releases.find(db, "blink", 3)
    waiting = approve(db, host, ada, third)
    proposal = approve(db, host, ada, release)
    given = signatures(db, host.trust, proposal, key)
    proposals.sign(db, host.trust, proposal, eve, given, proposal.base)
    assert (waiting.state, waiting.signatures) == ("open", [])


def test_a_proposal_that_waited_too_long_is_proposed_anew(db, host, ada, release, own_key):
    own_key("eve@example.com", {"targets": 2})
    proposal = approve(db, host, ada, release)
    later = datetime.now(UTC) + timedelta(days=21)
    proposals.settle(db, host.trust, now=later)
    assert (proposal.issued, proposal.signatures) == (later.replace(microsecond=0), [])


def test_what_lies_in_the_database_is_not_what_is_signed(db, host, ada, release, own_key):
    eve, key = own_key("eve@example.com")
    proposal = proposals.propose(db, host.trust, eve, "approve", product="blink", number=2)
    given = signatures(db, host.trust, proposal, key)
    release.manifest = release.manifest.replace(b"Blink.", b"Wink!!")  # by who has the database
    db.flush()
    arguments = db, host.trust, proposal, eve, given, proposal.base
    assert refusal(proposals.sign, *arguments) == "bad-signature"


def test_an_unfinished_release_is_not_approved(db, host, ada, release):
    release.state = "draft"
    assert refusal(approve, db, host, ada, release) == "not-ready"


def test_boards_that_wait_look_again_once_it_is_approved(db, host, ada, release, device):
    from host.services import outbox

    device.online = True
    assignments.assign(db, [device], release, "alice")
    release.state = "verified"  # an older host let it be assigned before it was approved
    outbox.done(db, [row.id for row in outbox.take(db)])
    approve(db, host, ada, release)
    assert [(row.device_id, row.what) for row in outbox.take(db)] == [(device.id, outbox.CHECK)]


def test_withdrawing_ends_assignments_at_once_and_queues_a_signature(
    db, host, ada, release, device
):
    approve(db, host, ada, release)
    (made,) = assignments.assign(db, [device], release, "alice")
    waiting = withdrawal.withdraw(db, host.trust, release, ada, "drains the battery")
    assert (made.state, made.reason) == ("superseded", "withdrawn")
    assert (waiting.kind, waiting.state) == ("withdraw", "open")
    assert trust.is_approved(host.trust, release)  # until it is signed
    proposals.sign_held(db, host.settings, host.trust, waiting, ada, PASSPHRASE)
    assert not trust.is_approved(host.trust, release)


def test_a_withdrawn_release_is_neither_assigned_nor_approved(db, host, ada, release, device):
    withdrawal.withdraw(db, host.trust, release, ada, "no good")
    assert refusal(assignments.assign, db, [device], release, "alice") == "withdrawn"
    assert refusal(approve, db, host, ada, release) == "withdrawn"


def test_withdrawing_what_boards_never_trusted_takes_no_signature(db, host, ada, release):
    waiting = approve_half(db, host, ada, release)
    assert withdrawal.withdraw(db, host.trust, release, ada, "no good") is None
    assert waiting.state == "dropped"


def approve_half(db, host, user, release):
    return proposals.propose(db, host.trust, user, "approve", product="blink", number=2)


def test_a_lost_or_stolen_key_signs_nothing_once_it_is_revoked(db, host, root, release, own_key):
    eve, stolen = own_key("eve@example.com")
    store, keyid = host.trust, stolen.public_key.keyid
    old_root = store.repository.trusted().root
    proposal = signers.revoke(db, store, root, keyid[:12])
    proposals.sign_held(db, host.settings, store, proposal, root, PASSPHRASE)
    new = Metadata.from_bytes(store.repository.root())
    assert new.signed.version == old_root.version + 1
    old_root.verify_delegate("root", new.signed_bytes, new.signatures)  # the fleet follows
    assert keyid not in new.signed.keys
    targets = Metadata.from_bytes(store.repository.read(f"{proposal.version}.targets.json"))
    new.signed.verify_delegate("targets", targets.signed_bytes, targets.signatures)
    waiting = proposals.propose(db, store, eve, "approve", product="blink", number=2)
    given = signatures(db, store, waiting, stolen)
    assert refusal(proposals.sign, db, store, waiting, eve, given, waiting.base) == "not-a-signer"
    again = keys.describe(stolen.public_key)
    assert refusal(signers.add, db, store, root, "targets", again, eve.email) == "bad-key"


@pytest.mark.parametrize("role", ("root", "targets", "online"))
def test_a_key_of_the_host_is_replaced(db, host, root, ada, release, role):
    store = host.trust
    before = store.vault.public(role).keyid
    proposal = signers.rotate(db, host.settings, store, root, role, PASSPHRASE)
    assert store.vault.public(role).keyid == before  # until it is signed
    proposals.sign_held(db, host.settings, store, proposal, root, PASSPHRASE)
    after = store.vault.public(role).keyid
    named = store.repository.trusted().root
    assert (proposal.state, after in named.keys, before in named.keys) == ("signed", True, False)
    timestamp = Metadata.from_bytes(store.repository.read("timestamp.json"))
    named.verify_delegate("timestamp", timestamp.signed_bytes, timestamp.signatures)
    assert approve(db, host, ada, release).state == "signed"


def test_an_approver_changes_no_keys(db, host, ada, root, own_key):
    _, key = own_key("eve@example.com")
    assert refusal(signers.revoke, db, host.trust, ada, key.public_key.keyid) == "forbidden"


def test_the_root_key_leaves_the_host(db, host, root, own_key):
    store = host.trust
    content = signers.hand_over(db, store, "root", PASSPHRASE, root.email)
    store.vault.remove("root")
    proposal = proposals.propose(db, store, root, "renew")
    proposals.sign_held(db, host.settings, store, proposal, root, PASSPHRASE)
    assert proposal.state == "open"  # targets are signed, root is not
    key = keys.unseal(content, PASSPHRASE)
    given = signatures(db, store, proposal, key, "root")
    proposals.sign(db, store, proposal, root, given, proposal.base)
    assert (proposal.state, store.repository.versions()["root"]) == ("signed", 2)


def test_new_targets_outrun_what_boards_have_trusted(db, host, ada, release, device):
    said = {"targets": 40, "timestamp": 5_000_000, "snapshot": 4}
    trust.note_seen(db, host.trust, device, said)
    approve(db, host, ada, release)
    versions = host.trust.repository.versions()
    assert versions["targets"] == 41


@pytest.mark.parametrize(
    "said", ({"targets": 2**31 - 1}, {"targets": "9"}, {"other": 5}, [1], {"targets": True}, None)
)
def test_what_a_board_cannot_have_trusted_is_not_believed(db, host, device, said):
    trust.note_seen(db, host.trust, device, said)
    assert trust.seen_versions(db) == {}


def test_a_stranger_s_board_is_not_believed(db, host):
    stranger = make_device(db, device_id="24a160000009")
    trust.note_seen(db, host.trust, stranger, {"targets": 5})
    assert trust.seen_versions(db) == {}


def test_the_highest_version_is_kept(db, host, device):
    for version in (3, 7, 5):
        trust.note_seen(db, host.trust, device, {"targets": version})
    assert trust.seen_versions(db) == {"targets": 7}


def test_snapshot_and_timestamp_are_signed_anew_after_months(db, host):
    later = datetime.now(UTC) + timedelta(days=200)
    before = host.trust.repository.version()
    assert trust.renew(db, host.trust, now=later)
    assert host.trust.repository.expiries()["timestamp"] > later
    assert host.trust.repository.version() > before
    assert not trust.renew(db, host.trust, now=later)


@pytest.mark.parametrize(("days", "is_due"), ((3, False), (4, True)))
def test_they_are_signed_at_half_their_life(db, host, days, is_due):
    later = datetime.now(UTC) + timedelta(days=days)
    assert trust.renew(db, host.trust, now=later) == is_due


def test_a_role_that_expires_in_a_quarter_raises_an_alarm(db, host):
    later = datetime.now(UTC) + timedelta(days=315)
    trust.renew(db, host.trust, now=later)
    (alarm,) = trust.alarms(db, host.trust, now=later)
    assert alarm.startswith("The targets metadata expires in 8")


def test_a_restored_host_outruns_what_boards_have_trusted_at_once(db, host):
    said = {"timestamp": host.trust.repository.version() + 1, "targets": 1001}
    db.add_all(SeenVersion(role=role, version=version) for role, version in said.items())
    db.flush()
    assert trust.renew(db, host.trust)
    assert host.trust.repository.version() > said["timestamp"]
    (alarm,) = trust.alarms(db, host.trust)
    assert "mpfleet keys renew" in alarm


def test_lost_metadata_is_not_quietly_begun_anew(db, host):
    shutil.rmtree(host.trust.repository.folder)
    assert refusal(trust.found, db, host.trust, PASSPHRASE) == "no-metadata"


def test_metadata_cut_short_on_disk_is_said(host):
    path = host.trust.repository.folder / "1.targets.json"
    path.write_bytes(path.read_bytes()[:100])
    assert refusal(host.trust.repository.trusted) == "no-metadata"


def test_the_fleet_s_new_address_is_a_target_that_is_served(db, host, root):
    content = json.dumps({"format": 1, "addresses": ["192.168.1.20"]})
    proposal = proposals.propose(db, host.trust, root, "fleet", fleet=content)
    proposals.sign_held(db, host.settings, host.trust, proposal, root, PASSPHRASE)
    assert host.trust.repository.read("fleet.json").decode() == content


def test_who_signed_and_who_must_is_known(db, host, ada, release, own_key):
    own_key("eve@example.com", {"targets": 2})
    proposal = approve(db, host, ada, release)
    assert composing.standing(db, host.trust, proposal) == {"targets": [([ada.email], 2)]}
    assert db.query(Proposal).filter_by(state="open").count() == 1
    assert db.query(Signer).filter_by(role="targets").count() == 2


def test_an_alarm_says_when_products_fill_what_boards_read(db, host, monkeypatch):
    monkeypatch.setattr(room, "_ALARM", 0)
    (alarm,) = trust.alarms(db, host.trust)
    assert "of what a board reads" in alarm
