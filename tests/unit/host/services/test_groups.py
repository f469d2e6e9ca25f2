"""Groups of people."""

import pytest
from host_samples import make_device

from host.errors import HostError
from host.models import Event, Group, User
from host.services import groups

ADMIN = "admin@example.com"


def refusal(call, *given):
    with pytest.raises(HostError) as refused:
        call(*given)
    return refused.value.code


@pytest.mark.parametrize("name", ("lab", "Floor 2", "a", "x" * 50, "b-2_c.d"))
def test_a_group_has_a_name(db, name):
    assert groups.create(db, name, ADMIN).name == name


@pytest.mark.parametrize("name", ("", " lab", "lab ", "x" * 51, "a\nb", "<b>", "läb"))
def test_an_odd_name_is_refused(db, name):
    assert refusal(groups.create, db, name, ADMIN) == "bad-request"


def test_a_name_is_taken_however_it_is_written(db):
    groups.create(db, "Lab", ADMIN)
    assert refusal(groups.create, db, "lab", ADMIN) == "name-taken"


def test_a_person_is_added_once(db, alice):
    group = groups.create(db, "lab", ADMIN)
    for _ in range(2):
        groups.add(db, group, alice.email, ADMIN)
    assert [one.email for one in group.members] == [alice.email]
    assert db.query(Event).filter_by(what="member-added").count() == 1


def test_nobody_is_added_who_has_no_account(db):
    group = groups.create(db, "lab", ADMIN)
    assert refusal(groups.add, db, group, "nobody@example.com", ADMIN) == "not-found"


def test_who_is_not_in_a_group_is_not_taken_out(db, alice):
    group = groups.create(db, "lab", ADMIN)
    assert refusal(groups.drop, db, group, alice.id, ADMIN) == "not-found"


def test_one_sees_ones_own_groups_and_an_admin_all(db, alice, admin):
    groups.add(db, groups.create(db, "lab", ADMIN), alice.email, ADMIN)
    groups.create(db, "attic", ADMIN)
    people = [db.get(User, who.id) for who in (alice, admin)]
    seen = [[one.name for one in groups.listed(db, who)] for who in people]
    assert seen == [["lab"], ["attic", "lab"]]


def test_a_group_with_devices_stays(db):
    group = groups.create(db, "lab", ADMIN)
    make_device(db, None, state="claimed", group_id=group.id)
    assert refusal(groups.remove, db, group, ADMIN) == "not-empty"


def test_a_group_without_is_removed(db, alice):
    group = groups.create(db, "lab", ADMIN)
    groups.add(db, group, alice.email, ADMIN)
    groups.remove(db, group, ADMIN)
    assert (db.query(Group).count(), db.query(User).count()) == (0, 1)
