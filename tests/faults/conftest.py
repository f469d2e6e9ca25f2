"""One installed board for all tests of this folder, and threads in which its copies live."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import memory
from tests.faults.rig import Rig


@pytest.fixture(scope="module")
def rig():
    with tempfile.TemporaryDirectory(dir=memory.folder()) as folder:
        yield Rig(Path(folder))


@pytest.fixture(scope="module")
def boards():
    with ThreadPoolExecutor(12) as pool:
        yield pool
