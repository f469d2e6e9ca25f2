"""`make run`: a host and two virtual boards of the example `blink`, until Ctrl-C."""

import argparse
import contextlib
import signal
import sys
from pathlib import Path

from examples import fleet
from simulator import MicroPythonMissing

_BLINK = Path(__file__).parent / "blink"
_BOARDS = ("blink-1", "blink-2")

_NEXT = """
Two virtual boards of {product} are online. Release a new version and watch it arrive:

  1. change a line of examples/blink/app/main.py
  2. in another terminal:
       . .venv/bin/activate
       mpfleet login {url}
       mpfleet release build examples/blink --upload
       mpfleet approve {number} --product {product} --passphrase-file {passphrase}
       mpfleet assign {number} --product {product} --all
       mpfleet watch

The console is on {url}. Serial ports for mpremote: {ports}.
Ctrl-C ends all of it; the data stays in {folder}.
"""


def main():
    """Run until Ctrl-C; exit status 0 then, 1 when something did not start."""
    parser = argparse.ArgumentParser(prog="make run ARGS=…", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("data"), help="data folder (default: data)"
    )
    parser.add_argument("--port", type=int, default=8443, help="HTTPS port (default: 8443)")
    parser.add_argument("--mqtt-port", type=int, default=8883, help="MQTT port (default: 8883)")
    parser.add_argument("--no-boards", action="store_true", help="the host alone")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell's `&` had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        try:
            host = fleet.Host(options.data, options.port, options.mqtt_port)
            stack.callback(host.stop)
            host.wait_until_ready()
            if not options.no_boards:
                _start_boards(host, stack)
            return host.wait() and 1
        except fleet.FleetError as error:
            print(f"make run: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nstopping")
            return 0


def _start_boards(host, stack):
    client = host.sign_in()
    stack.callback(client.close)
    if not client.releases("blink"):
        fleet.publish(client, _BLINK, host.passphrase)
    try:
        boards = [_start_board(host, client, stack, n, name) for n, name in enumerate(_BOARDS)]
    except MicroPythonMissing as error:
        print(f"\nNo virtual boards: {error}\nThe host runs for real boards: make deploy PORT=…")
        return
    number = client.next_number("blink")
    ports = ", ".join(board.port for board in boards)
    print(
        _NEXT.format(
            product="blink",
            url=host.url,
            number=number,
            ports=ports,
            folder=host.folder,
            passphrase=host.folder / "passphrase",
        )
    )


def _start_board(host, client, stack, index, name):
    """A board that was set up before is switched on and nothing more."""
    folder = host.folder / "boards" / name
    is_new = not (folder / "flash.bin").exists()
    board = stack.enter_context(fleet.new_board(folder, index))
    board.power_on()
    if is_new:
        print(f"setting {name} up through {board.port}, as make deploy does")
        device = fleet.set_up(board, client, "blink", host).device
        client.send("PATCH", f"/devices/{device}", {"name": name})
    return board


if __name__ == "__main__":
    sys.exit(main())
