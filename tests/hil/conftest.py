"""The boards of a rig as fixtures: a virtual one, one on a port, one in QEMU, or a rig file's.

Run by `make hil`, which loads pytest-embedded for these tests only: its fixtures are autouse.
"""

import shlex
from pathlib import Path

import pytest
import serial

from host.builder import release
from host.rig import file, report, scenarios
from host.rig.errors import RigError
from host.rig.session import Session

_FOLDER = Path("build/hil")
_PRODUCT = '{"product": "rig", "boards": ["%s"]}'
_APP = """
import asyncio


async def main(board):
    while True:
        await asyncio.sleep(1)
"""
_QEMU = "-nographic -machine esp32 -drive file={flash},if=mtd,format=raw -serial {serial}"


def pytest_addoption(parser):
    """What `make hil` hands on; --port, --root-logdir and --qemu-… are pytest-embedded's own."""
    group = parser.getgroup("hil", "the boards of make hil")
    add = group.addoption
    add("--rig", type=Path, help="rig file (docs/RIG.md); without it the options below say it")
    add("--wifi", help="SSID[:PASSWORD] of the boards' network; no password: an open one")
    add(
        "--host-listen",
        help="address the host listens on (default: 127.0.0.1; with --port the next)",
    )
    add("--host-address", help="the host's address as boards reach it (default: 127.0.0.1)")
    add("--host-port", type=int, default=0, help="HTTPS port of the host (default: a free one)")
    add("--host-mqtt-port", type=int, default=0, help="MQTT port of the host")
    add("--model", default="ESP32_GENERIC", help="board model (default: ESP32_GENERIC)")
    add("--firmware", action="append", default=[], help="image to update to; give two")
    add("--qemu-serial", default="tcp", help="serial port of QEMU: tcp or pty")
    add("--patience", type=float, default=None, help="multiplies every time limit")
    add("--resets", type=int, default=None, help="resets in a row (default: 100)")


def pytest_configure(config):
    """Say how these tests are run, where somebody names them alone."""
    if not config.pluginmanager.hasplugin("pytest_embedded.plugin"):
        raise pytest.UsageError("tests/hil is run by `make hil` (it loads pytest-embedded)")
    # pytest-embedded 2.9 uses record_xml_attribute, which pytest 9 calls experimental.
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestExperimentalApiWarning")


def pytest_report_header(config):
    """Which boards, and how many resets: a short run says that it is one."""
    rig = _rig(config)
    boards = ", ".join(f"{b.name} ({b.port or b.power.by})" for b in rig.boards)
    return [f"rig: {boards}; {rig.resets} resets in a row; serial logs in {_folder(config)}"]


def pytest_generate_tests(metafunc):
    """Every test, once on each board."""
    if "board" in metafunc.fixturenames:
        boards = _rig(metafunc.config).boards
        names = [table.name for table in boards]
        metafunc.parametrize(
            "board", range(len(boards)), ids=names, indirect=True, scope="session"
        )


def _rig(config):
    option = config.option
    try:
        found = file.load(option.rig) if option.rig else _rig_of(option)
    except RigError as error:
        raise pytest.UsageError(str(error)) from error
    return found.model_copy(update={"resets": option.resets}) if option.resets else found


def _rig_of(option):
    """The rig of one board that the options describe."""
    ssid, _, password = (option.wifi or "").partition(":")
    board = {"name": "board", "model": option.model, **_reached(option)}
    if option.firmware:
        board["firmware"] = option.firmware
    if option.patience:
        board["patience"] = option.patience
    address = option.host_address or "127.0.0.1"
    is_here = option.port and address not in file.LOOPBACK  # a board reaches this machine's own
    host = {"listen": option.host_listen or (address if is_here else "127.0.0.1")}
    host["address"] = address
    host |= {"port": option.host_port, "mqtt_port": option.host_mqtt_port}
    given = {"host": host, "boards": [board]}
    if ssid:
        given["wifi"] = {"ssid": ssid, "password": password}
    return file.parse(given, "make hil", Path.cwd())


def _reached(option):
    """How the board gets its power and its port."""
    if option.port:
        return {"port": option.port}
    if not option.qemu_prog_path:
        return {"power": {"by": "virtual"}}
    words = shlex.split(option.qemu_cli_args or _QEMU) + shlex.split(option.qemu_extra_args or "")
    power = {"by": "qemu", "command": [option.qemu_prog_path, *words]}
    power |= {"flash": option.qemu_image_path or "flash.bin", "serial": option.qemu_serial}
    return {"power": power}


def _folder(config):
    return Path(config.option.root_logdir or _FOLDER)


@pytest.fixture(scope="session")
def session(request, tmp_path_factory):
    """The host and all boards; what is missing for it ends the run at once."""
    rig = _rig(request.config)
    app = tmp_path_factory.mktemp("app")
    (app / "app").mkdir()
    (app / "mpfleet.json").write_text(_PRODUCT % '", "'.join({b.model for b in rig.boards}))
    (app / "app/main.py").write_text(_APP)
    candidate = release.build(app, 2, 1795000000)
    try:
        with Session(rig, candidate, _folder(request.config)) as session:
            yield session
    except RigError as error:
        pytest.exit(f"the rig is not ready: {error}", returncode=1)


@pytest.fixture(scope="session")
def board(session, request):
    """A board, wherever the last test left it."""
    return session.boards[request.param]


class Tap(serial.SerialBase):
    """What a board says from now on, as the serial port that pytest-embedded reads."""

    def __init__(self, console):
        super().__init__()
        self.is_open = True
        self._console, self._data = console, bytearray()
        console.on_text = self._hear

    def read_all(self):
        """What came since the last time."""
        n = len(self._data)
        data, self._data[:n] = bytes(self._data[:n]), b""
        return data

    def close(self):
        """Hear no more."""
        if self._console.on_text == self._hear:  # closed again as garbage, after the next came
            self._console.on_text = None
        self.is_open = False

    def _hear(self, data):
        self._data += data

    def _reconfigure_port(self):
        """There is nothing to set: the console has the real port."""


@pytest.fixture
def port(board):
    """What `dut` reads: the console's bytes, for a deploy needs the real port for itself."""
    return Tap(board.console)


@pytest.fixture
def play(board, record_property):
    """Plays a scenario on the board, and keeps what it says in the report."""

    def play(name):
        scenario = next(one for one in scenarios.ALL if one.name == name)
        result = report.run(board, scenario)
        if result.outcome == report.SKIPPED and board.parts.table.power.by == "virtual":
            pytest.fail(f"a virtual board lacks nothing: {result.detail}", pytrace=False)
        if result.outcome == report.SKIPPED:
            pytest.skip(result.detail)
        if result.outcome == report.FAILED:
            pytest.fail(f"{result.detail} ({result.reason})", pytrace=False)
        record_property("said", result.detail)

    return play
