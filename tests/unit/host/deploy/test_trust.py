"""Whose approvals deploy makes a board trust."""

import hashlib
from base64 import b64encode
from types import SimpleNamespace

import pytest

from host.deploy import trust
from host.deploy.errors import DeployError

OURS = {1: b"our first root", 2: b"our second root"}


class Host:
    """Has the chain of roots."""

    def metadata(self, name):
        version = int(name.split(".")[0])
        if version not in OURS:
            raise DeployError("not-found", "There is none.")
        return OURS[version]


class Work:
    """A deploy to a board that holds a root."""

    def __init__(self, version=None, content=b"", root=OURS[2]):
        sha256 = hashlib.sha256(content).hexdigest()
        self.status = {"root": {"version": version, "sha256": sha256} if version else None}
        self.plan = SimpleNamespace(root=root)
        self.host = Host()
        self.asked = []
        self.agree = self.asked.append


GIVEN = {"root": b64encode(OURS[2]).decode()}


@pytest.mark.parametrize("version", (None, 1, 2))
def test_a_board_of_this_fleet_or_of_none_is_handed_the_root(version):
    work = Work(version, OURS.get(version, b""))
    assert (trust.told(work), work.asked) == (GIVEN, [])


@pytest.mark.parametrize("version", (1, 2, 3))
def test_that_of_another_fleet_is_replaced_only_where_a_person_agrees(version):
    work = Work(version, b"their root")
    assert trust.told(work) == GIVEN | {"replace_root": True}
    assert len(work.asked) == 1


def test_a_host_without_approvals_says_nothing_of_them():
    assert trust.told(Work(1, b"their root", root=b"")) == {}
