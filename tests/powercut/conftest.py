"""Boards whose power fails at a counted flash operation, on the rig of this folder."""

import tempfile
from pathlib import Path

import pytest

from tests import memory
from tests.powercut.suite import Rig


@pytest.fixture(scope="session")
def rig_of():
    """Rigs by scenario, each made once."""
    with tempfile.TemporaryDirectory(dir=memory.folder()) as folder:
        made = {}

        def rig(name):
            if name not in made:
                (Path(folder) / name).mkdir()
                made[name] = Rig(Path(folder) / name, name)
            return made[name]

        yield rig
