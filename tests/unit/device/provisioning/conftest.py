"""The pure files of provisioning run in CPython as they are; `const` is all they want."""

import importlib
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pure():
    """Gives a module of device/provisioning."""
    fakes = str(Path(__file__).parents[1] / "fakes")
    sys.path.insert(0, fakes)
    names = ("micropython", "device.provisioning.improv", "device.provisioning.session")
    modules = {name: importlib.import_module(name) for name in names}
    modules["terminal"] = importlib.import_module("device.provisioning.terminal")
    sys.path.remove(fakes)
    del sys.modules["micropython"]  # it is no module of this interpreter
    return lambda name: modules.get(name) or modules["device.provisioning." + name]


@pytest.fixture(scope="session")
def improv(pure):
    return pure("improv")


@pytest.fixture(scope="session")
def session(pure):
    return pure("session")


@pytest.fixture(scope="session")
def terminal(pure):
    return pure("terminal")
