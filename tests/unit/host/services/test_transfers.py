"""A device goes to another person once they accept, to a group at once."""

from datetime import timedelta

import pytest
from host_samples import DEVICE_ID, make_device, make_user

from host.errors import HostError
from host.models import Assignment, Device, Event, Report, User
from host.services import assignments, devices, events, groups, reports, tokens, transfers
from host.services.clock import utc


@pytest.fixture
def user(db):
    """The person behind a fixture's."""
    return lambda one: db.get(User, one.id)


@pytest.fixture
def offer(db, host, device, alice, user):
    """Offers Alice's board."""

    def offer(email, giver=alice, **more):
        transfers.to_person(db, host.settings, device, user(giver), email, **more)

    return offer


@pytest.fixture
def lab(db, alice, bob):
    """A group of Alice and Bob."""
    group = groups.create(db, "lab", "admin@example.com")
    for one in (alice, bob):
        groups.add(db, group, one.email, "admin@example.com")
    db.commit()
    return group


def refusal(call, *given, **more):
    with pytest.raises(HostError) as refused:
        call(*given, **more)
    return refused.value.code


def seen(db, person):
    return [one.id for one in devices.mine(db, person)]


def test_an_offered_device_stays_where_it_is(db, offer, device, alice, bob, user):
    offer(bob.email)
    assert (device.owner.email, device.offered_to.email) == (alice.email, bob.email)
    assert seen(db, user(bob)) == []
    assert [one.id for one in transfers.offers(db, user(bob))] == [DEVICE_ID]


def test_who_accepts_has_it(db, offer, device, alice, bob, user):
    offer(bob.email)
    transfers.accept(db, user(bob), DEVICE_ID)
    assert (device.owner.email, device.offered_to) == (bob.email, None)
    assert (seen(db, user(alice)), seen(db, user(bob))) == ([], [DEVICE_ID])


def test_who_declines_does_not(db, offer, device, alice, bob, user):
    offer(bob.email)
    transfers.decline(db, user(bob), DEVICE_ID)
    assert (device.owner.email, device.offered_to) == (alice.email, None)


def test_an_offer_is_taken_back(db, offer, device, alice, bob, user):
    offer(bob.email)
    transfers.take_back(db, device, user(alice))
    assert refusal(transfers.accept, db, user(bob), DEVICE_ID) == "not-found"
    assert refusal(transfers.take_back, db, device, user(alice)) == "not-found"


def test_an_offer_that_is_taken_back_at_the_same_time_is_not_accepted(
    db, host, offer, bob, user, monkeypatch
):
    offer(bob.email)
    db.commit()
    found = transfers.offered

    def slow(*given, **more):
        """The giver is faster, just after this request has looked."""
        device = found(*given, **more)
        with host.database.begin() as other:
            other.get(Device, DEVICE_ID).offered_to_id = None
        return device

    monkeypatch.setattr(transfers, "offered", slow)
    assert refusal(transfers.accept, db, user(bob), DEVICE_ID) == "not-found"


def test_an_offer_ends_after_a_week(offer, db, device, bob, user):
    offer(bob.email)
    late = utc() + timedelta(days=7, seconds=1)
    assert (transfers.taker(device), transfers.taker(device, now=late)) == (user(bob), None)
    assert refusal(transfers.accept, db, user(bob), DEVICE_ID, now=late) == "not-found"


def test_somebody_elses_offer_is_none(offer, db, bob, viewer, user):
    offer(bob.email)
    assert refusal(transfers.accept, db, user(viewer), DEVICE_ID) == "not-found"


def test_a_retired_device_is_offered_to_nobody(offer, db, device, bob, user, alice):
    offer(bob.email)
    devices.retire(db, device, alice.email)
    assert transfers.offers(db, user(bob)) == []
    assert refusal(offer, bob.email) == "not-claimed"


@pytest.mark.parametrize(
    ("email", "word"),
    (
        ("nobody@example.com", "not-found"),
        ("viewer@example.com", "bad-request"),
        ("alice@example.com", "bad-request"),
        ("gone@example.com", "not-found"),
    ),
)
def test_who_cannot_take_it_is_not_offered_it(offer, db, viewer, user, email, word):
    gone = make_user(db, "gone@example.com", "operator")
    user(gone).deactivated_at = utc()
    assert refusal(offer, email) == word


@pytest.mark.parametrize("limits", ({"transfer:user": (3, 3600)},))
def test_asking_who_has_an_account_is_limited(offer):
    words = [refusal(offer, f"{n}@example.com") for n in range(5)]
    assert words == ["not-found"] * 3 + ["rate-limited"] * 2


def test_what_an_admin_gives_needs_no_accepting(offer, device, admin, bob):
    offer(bob.email, admin)
    assert device.owner.email == bob.email


def test_an_open_update_ends_with_the_giver(db, offer, device, release, alice, bob, user):
    assignments.assign(db, [device], release, alice.email)
    offer(bob.email)
    assert assignments.opened(db, DEVICE_ID)
    transfers.accept(db, user(bob), DEVICE_ID)
    one = db.query(Assignment).one()
    assert (one.state, one.reason) == ("superseded", "transferred")


def test_the_new_person_sees_nothing_of_before(db, offer, device, alice, bob, admin, user):
    long_ago = utc() - timedelta(days=1)
    events.add(db, alice.email, f"device {DEVICE_ID}", "renamed", "secret lab", now=long_ago)
    db.add(Report(device_id=DEVICE_ID, key="0" * 16, kind="app", received_at=long_ago))
    offer(bob.email, now=long_ago)
    transfers.accept(db, user(bob), DEVICE_ID)
    since = devices.since(user(bob), device)
    told = [one.what for one in events.of(db, f"device {DEVICE_ID}", since=since)]
    assert told == ["transferred"]
    assert (reports.of(db, device, since=since), reports.newest(db, [DEVICE_ID])) == ([], {})
    assert devices.since(user(admin), device) is None


def test_a_transfer_stands_on_the_record(db, offer, bob, alice, user):
    offer(bob.email)
    transfers.accept(db, user(bob), DEVICE_ID)
    event = db.query(Event).filter_by(what="transferred").one()
    assert (event.who, event.why) == (bob.email, f"{alice.email} to {bob.email}")


def test_a_device_of_a_group_is_each_members(db, device, lab, alice, bob, user):
    transfers.to_group(db, device, user(alice), "lab")
    assert (device.owner, device.group.name) == (None, "lab")
    assert (seen(db, user(alice)), seen(db, user(bob))) == ([DEVICE_ID], [DEVICE_ID])


def test_what_is_shared_with_ones_group_keeps_its_story_and_its_update(
    db, device, lab, release, alice, user
):
    assignments.assign(db, [device], release, alice.email)
    transfers.to_group(db, device, user(alice), "lab")
    assert assignments.opened(db, DEVICE_ID)
    assert devices.since(user(alice), device) is None


def test_who_leaves_a_group_leaves_its_devices(db, device, lab, alice, bob, user):
    transfers.to_group(db, device, user(alice), "lab")
    groups.drop(db, lab, bob.id, "admin@example.com")
    assert seen(db, user(bob)) == []
    assert refusal(devices.find, db, user(bob), DEVICE_ID) == "not-found"


def test_a_group_one_is_not_in_takes_nothing(db, device, alice, user):
    groups.create(db, "theirs", "admin@example.com")
    assert refusal(transfers.to_group, db, device, user(alice), "theirs") == "not-found"


def test_an_admin_gives_to_any_group(db, device, admin, user):
    groups.create(db, "theirs", "admin@example.com")
    transfers.to_group(db, device, user(admin), "theirs")
    assert device.group.name == "theirs"


def test_a_member_takes_a_groups_device_for_oneself_at_once(
    db, host, device, lab, alice, bob, user
):
    transfers.to_group(db, device, user(alice), "lab")
    transfers.to_person(db, host.settings, device, user(bob), bob.email)
    assert (device.owner.email, device.group) == (bob.email, None)


def test_a_member_may_give_a_groups_board_another_secret(db, host, lab, alice, bob, user):
    device = make_device(db, None, state="claimed", group_id=lab.id)
    text, _ = tokens.enrolment(db, host.settings, user(bob), device)
    assert text.startswith("mpe_")
