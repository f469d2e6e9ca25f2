"""What every test run shares: what it says at its head, a Ctrl-C that works, make hil apart."""

import os
import signal
from pathlib import Path

from tests import exploring

_UPSTREAM = Path(__file__).parents[1] / "lib"
_LIBRARIES = {"umqtt.simple": "umqtt", "aioble": "aioble"}

exploring.configure()


def pytest_configure():
    """Give the children a SIGINT that works, which a shell's `&` and some CI leave ignored.

    Hosts of the tests try no release unless a test asks for it: each takes half a minute.
    """
    os.environ.setdefault("MPFLEET_VERIFICATION", "off")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header():
    """What stands behind the virtual boards in this run."""
    from simulator import MicroPythonMissing, micropython

    try:
        interpreter = str(micropython())
    except MicroPythonMissing as error:
        interpreter = f"missing, tests on virtual boards fail: {error}"
    libraries = [f"{name}: {_origin(folder)}" for name, folder in _LIBRARIES.items()]
    return [f"MicroPython: {interpreter}", *libraries]


def _origin(folder):
    is_upstream = (_UPSTREAM / folder).is_dir()
    return "upstream, in lib/" if is_upstream else "our stand-in (make libs fetches upstream's)"


def pytest_ignore_collect(collection_path, config):
    """tests/hil has a run of its own, `make hil`, with pytest-embedded."""
    is_hil = collection_path.name == "hil" and collection_path.is_dir()
    if is_hil and not config.pluginmanager.hasplugin("pytest_embedded.plugin"):
        return True
    return None  # as pytest decides
