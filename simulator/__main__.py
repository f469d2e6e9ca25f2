"""Runs one virtual board by hand: `python -m simulator [FOLDER] --wifi SSID:PASSWORD`; commands
come from the keyboard.
"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from simulator import AccessPoint, MicroPythonMissing, VirtualBoard

_HELP = """\
  on | off         switch the power
  reset            reset the chip, as software does
  download         press EN with BOOT held: esptool --before no-reset --no-stub … can talk to it
  button [S]       press BOOT for S seconds (0.2)
  cut N [WHEN]     the power goes at the N-th flash operation from now: before, middle, after
  corrupt          the file system can not be mounted from the next start on
  wifi SSID off|on an access point goes or comes
  stall | resume   hold up what is in the air, let it pass again
  drop             reset every connection
  type TEXT        type a line at the board
  status           what the board is doing
  help             this list
  quit             the end (also Ctrl-D, Ctrl-C)"""


def _access_point(text):
    ssid, _, password = text.partition(":")
    return AccessPoint(ssid, password)


def _name(text):
    name, _, address = text.partition("=")
    if not address:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=ADDRESS")
    return name, address


def _tcp_port(text):
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a TCP port (0, any free one, to 65535)")
    return int(text)


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Run a virtual ESP32 board with MicroPython behind a serial port.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        help="where its flash is kept (default: a new one that is lost)",
    )
    parser.add_argument(
        "--wifi",
        metavar="SSID:PASSWORD",
        type=_access_point,
        action="append",
        help="an access point (home:secret12)",
    )
    parser.add_argument(
        "--name",
        metavar="NAME=ADDRESS",
        type=_name,
        action="append",
        default=[],
        help="a host name the board can look up",
    )
    parser.add_argument(
        "--id", metavar="HEX", default="246f28000001", type=bytes.fromhex, help="its MAC address"
    )
    parser.add_argument(
        "--socket",
        metavar="PORT",
        type=_tcp_port,
        help="offer the serial port at this TCP port, too",
    )
    parser.add_argument(
        "--rfc2217",
        metavar="PORT",
        type=_tcp_port,
        help="the same with DTR and RTS, which reset the board (0: any free port)",
    )
    parser.add_argument("--model", default="ESP32_GENERIC", help="its board model")
    parser.add_argument(
        "--quiet", action="store_true", help="do not show what comes out of its serial port"
    )
    return parser.parse_args(arguments)


def _tell(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _set_wifi(board, ssid, state):
    for access_point in board.radio.access_points:
        if access_point.ssid == ssid:
            access_point.is_present = state == "on"


def _status(board):
    joined = board.station.joined
    return (
        f"power {'on' if board.is_on else 'off'}, firmware slot {board.firmware.running}, "
        f"starts {board.resets}, WiFi {joined.ssid if joined else 'not joined'}, "
        f"{board.flash.operations} flash operations, "
        f"{board.radio.bytes_in} bytes in, {board.radio.bytes_out} out, pins {board.pins.driven}"
    )


_COMMANDS = {
    "on": lambda board: board.power_on(),
    "off": lambda board: board.power_off(),
    "reset": lambda board: board.reset(),
    "download": lambda board: board.enter_download(),
    "button": lambda board, seconds="0.2": board.press_button(float(seconds)),
    "cut": lambda board, n, when="before": board.cut_power_at(int(n), when),
    "corrupt": lambda board: board.corrupt_file_system(),
    "wifi": _set_wifi,
    "stall": lambda board: board.radio.stall(),
    "resume": lambda board: board.radio.resume(),
    "drop": lambda board: board.radio.drop(),
    "type": lambda board, *words: board.type(" ".join(words) + "\r"),
    "status": _status,
    "help": lambda board: _HELP,
}


def _obey(board, line):
    name, *words = line.split()
    command = _COMMANDS.get(name)
    if command is None:
        _tell(f"no such command: {name} (help shows them)")
        return
    try:
        answer = command(board, *words)
    except (TypeError, ValueError) as error:
        answer = f"{name}: {error}"
    if answer:
        _tell(answer)


def _introduce(board, settings):
    _tell(f"Board {board.unique_id.hex()} ({board.model}), flash and serial log in {board.folder}")
    _tell(f"Serial port: {board.port}")
    _tell(f"  mpremote connect {board.port}")
    for scheme in ("socket", "rfc2217"):
        number = getattr(settings, scheme)
        if number is not None:
            _tell(f"  mpremote connect {board.listen(scheme, number)}")
    networks = ", ".join(f"{a.ssid} ({a.password or 'open'})" for a in board.radio.access_points)
    _tell(f"WiFi: {networks}")
    _tell("Commands: help, status, reset, off, on, button, quit …")
    board.on_text = None if settings.quiet else _show


def _show(data):
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def _run(settings, folder):
    networks = settings.wifi or [AccessPoint("home", "secret12")]
    with VirtualBoard(
        folder, model=settings.model, unique_id=settings.id, access_points=networks
    ) as board:
        board.radio.names.update(settings.name)
        _introduce(board, settings)
        board.power_on()
        for line in sys.stdin:
            if line.strip() == "quit":
                return
            if line.strip():
                _obey(board, line)


def main(arguments=None):
    """The command line; returns an exit status."""
    settings = _parse(arguments)
    with contextlib.ExitStack() as stack:
        folder = settings.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="board-"))
        )
        try:
            _run(settings, folder)
        except (MicroPythonMissing, OSError) as error:
            _tell(str(error))
            return 1
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
