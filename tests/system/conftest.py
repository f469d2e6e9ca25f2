"""Fixtures of the system tests."""

import re

import pytest

from examples.fleet import Host
from host.rig.process import free_port
from tests.boards import board_maker, virtual_board  # noqa: F401 - pytest finds them here
from tests.provisioning import air, flash, make, radio  # noqa: F401 - likewise


@pytest.fixture
def host(tmp_path):
    """A host of its own for a test; `password` is its first account's."""
    said = tmp_path / "host.log"
    with said.open("wb") as output:
        host = Host(tmp_path / "data", free_port(), free_port(), output)
    try:
        host.wait_until_ready()
        host.password = re.search(r"password (\S+)", said.read_text())[1]
        yield host
    finally:
        host.stop()
