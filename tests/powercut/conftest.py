"""Boards whose power fails at a counted flash operation, on the rig of this folder."""

import tempfile
from pathlib import Path

import pytest

from tests.powercut.suite import Rig


@pytest.fixture(scope="session")
def rig_of():
    """Rigs by scenario, each made once."""
    memory = Path("/dev/shm")  # noqa: S108 - 1.2 MB are copied for each cut: not to a disk, if that can be
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        made = {}

        def rig(name):
            if name not in made:
                (Path(folder) / name).mkdir()
                made[name] = Rig(Path(folder) / name, name)
            return made[name]

        yield rig
