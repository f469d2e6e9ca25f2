"""`mpfleet approve`, `keys`, `release again` and `withdraw`, against a host in this process."""

import json
import shutil

import pytest

from host.builder import release as builder
from host.cli import profile, verified
from host.cli.client import Client
from host.cli.release import publish
from host.metadata import keys
from host.services import accounts, trust

PASSPHRASE = "correct horse battery"
TIME = 1795000000


@pytest.fixture(autouse=True)
def _quick(quick_keys):
    """Nobody waits for argon2 here."""


@pytest.fixture
def product(request):
    """A product of the test's own."""
    return f"p{abs(hash(request.node.name)) % 10**8}"


@pytest.fixture
def make(signed_in, product, tmp_path):
    """Makes a release of the product and uploads it."""

    def make(number, description="Blink."):
        folder = tmp_path / f"app{number}"
        (folder / "app").mkdir(parents=True)
        value = {"product": product, "boards": ["ESP32_GENERIC"], "description": description}
        (folder / "mpfleet.json").write_text(json.dumps(value))
        (folder / "app/main.py").write_text(f"async def main(board):\n    print({number})\n")
        client = Client(profile.current("default"))
        publish(client, builder.build(folder, number, TIME))
        client.close()

    return make


@pytest.fixture
def store(host):
    return trust.Trust(host.folder)


def approved(signed_in, product):
    found = signed_in("release", "list", "--product", product, json_=True)
    return sorted(one["number"] for one in found if one["approved"])


def test_a_release_is_approved_by_the_passphrase_of_the_host_s_key(signed_in, make, product):
    make(1)
    result = signed_in("approve", 1, "--product", product, "--yes", typed=PASSPHRASE + "\n")
    assert (result.exit_code, "signed and published" in result.output) == (0, True)
    assert approved(signed_in, product) == [1]


def test_what_is_signed_is_shown_before(signed_in, make, product):
    make(1, description="Blinks faster.")
    result = signed_in("approve", 1, "--product", product, typed="n\n")
    assert (result.exit_code, "nothing was signed" in result.output) == (1, True)
    said = ("Blinks faster.", f"+ {product}/1.json sha256", "~ targets version")
    assert [word in result.output for word in said] == [True] * 3
    assert approved(signed_in, product) == []


def test_a_wrong_passphrase_is_one_line(signed_in, make, product):
    make(1)
    result = signed_in("approve", 1, "--product", product, "--yes", typed="wrong horse\n")
    assert (result.exit_code, "wrong-passphrase" in result.stderr) == (1, True)


def test_the_passphrase_may_come_from_a_file(signed_in, make, product, tmp_path):
    make(1)
    (tmp_path / "words").write_text(PASSPHRASE + "\n")
    words = ("--product", product, "--yes", "--passphrase-file", tmp_path / "words")
    assert signed_in("approve", 1, *words, json_=True)["state"] == "signed"


def test_a_host_with_another_root_gets_no_signature(signed_in, make, product, host):
    make(1)
    other = trust.Trust(host.folder.parent / "other")
    made = keys.new()
    from datetime import UTC, datetime

    from host.metadata import changes, parts

    first = changes.first([made.public_key], [made.public_key], made.public_key, datetime.now(UTC))
    signatures = {role: dict([parts.sign(made, one)]) for role, one in first.items()}
    other.repository.publish(first, signatures, made, datetime.now(UTC))
    kept = verified.folder("default") / "root.json"
    kept.unlink()
    shutil.copy(other.repository.folder / "1.root.json", kept)
    result = signed_in("approve", 1, "--product", product, "--yes", typed=PASSPHRASE + "\n")
    assert (result.exit_code, "not what the root" in result.stderr) == (1, True)
    assert approved(signed_in, product) == []


def test_a_host_that_serves_older_metadata_gets_no_signature(
    signed_in, make, product, host, store
):
    make(1)
    old = host.folder.parent / "old"
    shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(store.repository.folder, old)
    approve = ("approve", 1, "--product", product, "--yes")
    assert signed_in(*approve, typed=PASSPHRASE + "\n").exit_code == 0
    make(2)
    new = host.folder.parent / "new"
    shutil.rmtree(new, ignore_errors=True)
    store.repository.folder.rename(new)
    shutil.copytree(old, store.repository.folder)
    try:
        result = signed_in("approve", 2, *approve[2:], typed=PASSPHRASE + "\n")
        assert (result.exit_code, "not what the root" in result.stderr) == (1, True)
    finally:
        shutil.rmtree(store.repository.folder)
        new.rename(store.repository.folder)


def test_the_first_sign_in_says_which_root_is_trusted(host, mpfleet, store):
    words = ("login", host.url, "--ca", host.ca, "--email", "admin@garden", "--password-stdin")
    result = mpfleet(*words, typed=host.password + "\n")
    assert verified.fingerprint(store.repository.root()) in result.output


def test_signing_in_again_keeps_the_root_that_was_trusted_first(host, signed_in):
    kept = verified.folder("default") / "root.json"
    kept.write_bytes(b"mine " + kept.read_bytes())
    words = ("login", host.url, "--ca", host.ca, "--email", "admin@garden", "--password-stdin")
    signed_in(*words, typed=host.password + "\n")
    assert kept.read_bytes().startswith(b"mine ")


def test_a_person_signs_with_a_key_of_their_own(host, signed_in, make, product, config):
    with host.database.begin() as session:
        _, password = accounts.create(session, f"{product}@garden", role="approver")
    make(1)
    made = signed_in("keys", "init", product, "--json", typed="my own words\nmy own words\n")
    made = json.loads(made.stdout[made.stdout.index("{") :])
    added = signed_in(
        "keys", "import", made["public"], "--user", f"{product}@garden", "--yes",
        typed=PASSPHRASE + "\n",
    )  # fmt: skip
    assert "signed and published" in added.output
    words = ("login", host.url, "--ca", host.ca, "--email", f"{product}@garden")
    theirs = ("--profile", "theirs")
    signed_in(*theirs, *words, "--password-stdin", typed=password + "\n")
    approve = (*theirs, "approve", 1, "--product", product, "--yes", "--key", made["file"])
    assert signed_in(*approve, typed="my own words\n").exit_code == 0
    assert approved(signed_in, product) == [1]
    shown = signed_in("keys", "list").output
    assert f"{product}@garden" in shown
    revoke = ("keys", "revoke", made["keyid"][:16], "--yes", "--held")
    revoked = signed_in(*revoke, typed=PASSPHRASE + "\n")
    assert "signed and published" in revoked.output
    make(2)
    again = (*theirs, "approve", 2, *approve[4:])
    refused = signed_in(*again, typed="my own words\n")
    assert (refused.exit_code, "does not name the key" in refused.stderr) == (1, True)


def test_a_key_of_the_host_is_rotated(signed_in, store):
    before = store.vault.public("online").keyid
    result = signed_in("keys", "rotate", "online", "--yes", typed=PASSPHRASE + "\n")
    assert ("signed and published" in result.output, result.exit_code) == (True, 0)
    assert store.vault.public("online").keyid != before


def test_root_and_targets_are_renewed(signed_in, store):
    before = store.repository.versions()
    assert signed_in("keys", "renew", "--yes", typed=PASSPHRASE + "\n").exit_code == 0
    after = store.repository.versions()
    assert (after["root"], after["targets"]) == (before["root"] + 1, before["targets"] + 1)


def test_the_way_back_is_a_new_number_over_old_content(signed_in, make, product):
    make(1)
    made = signed_in("release", "again", 1, "--product", product, json_=True)
    first = signed_in("release", "show", product, 1, json_=True)
    assert (made["number"], made["state"], made["approved"]) == (2, "verified", False)
    assert made["parts"] == first["parts"]


def test_a_withdrawn_release_waits_for_a_signature_and_then_is_gone(signed_in, make, product):
    make(1)
    words = ("--product", product, "--yes")
    signed_in("approve", 1, *words, typed=PASSPHRASE + "\n")
    result = signed_in("release", "withdraw", 1, "--product", product, "--reason", "too warm")
    assert "--withdrawal" in result.output
    waiting = signed_in("keys", "list", json_=True)["proposals"]
    assert [one["kind"] for one in waiting if one["product"] == product] == ["withdraw"]
    signed_in("approve", 1, "--withdrawal", *words, typed=PASSPHRASE + "\n")
    assert approved(signed_in, product) == []


def test_assigning_what_is_not_approved_warns(signed_in, make, product, host):
    from host.models import Device, User
    from host.services.clock import utc

    make(1)
    with host.database.begin() as session:
        owner = session.query(User).filter_by(email="admin@garden").one()
        device = Device(id=f"24a1{product[1:]:0>8}"[:12], secret_digest="0", state="claimed",
                        product=product, registered_at=utc(), owner_id=owner.id)  # fmt: skip
        session.add(device)
    result = signed_in("assign", 1, "--product", product, "--all")
    assert f"mpfleet approve 1 --product {product}" in result.output


def test_the_root_key_leaves_the_host_and_signs_from_its_file(host, signed_in, tmp_path, store):
    shutil.copy(store.vault.path("root"), tmp_path / "kept")
    words = ("--user", "admin@garden", "--data", host.folder)
    wrong = signed_in("keys", "export-root", tmp_path / "root.json", *words, typed="wrong horse\n")
    assert (wrong.exit_code, store.vault.holds("root")) == (1, True)
    place = tmp_path / "root.json"
    done = signed_in("keys", "export-root", place, *words, typed=PASSPHRASE + "\n")
    assert (done.exit_code, store.vault.holds("root")) == (0, False)
    assert place.stat().st_mode & 0o777 == 0o600
    before = store.repository.versions()["root"]
    signed_in("keys", "renew", "--yes", typed=PASSPHRASE + "\n")  # the host's targets key
    waiting = signed_in("keys", "list", json_=True)["proposals"][-1]["id"]
    signed = signed_in("keys", "sign", waiting, "--yes", "--key", place, typed=PASSPHRASE + "\n")
    assert "signed and published" in signed.output
    assert store.repository.versions()["root"] == before + 1
    shutil.copy(tmp_path / "kept", store.vault.path("root"))


def test_targets_that_have_expired_are_said_and_can_be_signed_anew(signed_in, store, host):
    from datetime import UTC, datetime, timedelta

    from host.metadata import parts

    trusted = store.repository.trusted()
    root, old = trusted.root, trusted.targets
    old.version, old.expires = old.version + 1, datetime.now(UTC) - timedelta(days=1)
    old.expires = old.expires.replace(microsecond=0)
    signer = next(key for key in store.vault.held(PASSPHRASE) if key.public_key.keyid in root.keys)
    signatures = {"targets": dict([parts.sign(signer, old)])}
    store.repository.publish({"targets": old}, signatures, store.vault.online(), datetime.now(UTC))
    result = signed_in("keys", "renew", "--yes", typed=PASSPHRASE + "\n")
    assert "! The targets metadata has expired" in result.output
    assert store.repository.trusted().targets.expires > datetime.now(UTC)


def test_a_host_whose_timestamp_has_expired_gets_no_signature(signed_in, store):
    from datetime import UTC, datetime, timedelta

    long_ago = datetime.now(UTC) - timedelta(days=8)
    version = store.repository.version() + 1
    store.repository.renew(store.vault.online(), long_ago, above=version)
    try:
        result = signed_in("keys", "renew", "--yes", typed=PASSPHRASE + "\n")
        assert (result.exit_code, "does its engine run" in result.stderr) == (1, True)
    finally:
        store.repository.renew(store.vault.online(), datetime.now(UTC), above=version + 2)
