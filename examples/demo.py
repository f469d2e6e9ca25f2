"""`make demo`: a virtual board takes, keeps and undoes releases, without a person.

The exit status is 0 only if each scene went as it should.
"""

import argparse
import contextlib
import re
import sys
import tempfile
import time
from pathlib import Path

from examples import fleet, scenes
from host.builder.errors import ToolError
from host.rig.process import free_port


def main():
    """Run the demo in a fresh folder."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--keep", type=Path, help="folder for data and serial logs, kept afterwards"
    )
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            with Stage(folder) as stage:
                for scene in scenes.ALL:
                    _play(stage, scene)
        except (fleet.FleetError, ToolError) as error:
            print(f"\n✗ {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    print("\nEverything happened as it should.")
    return 0


def _play(stage, scene):
    print(f"\n▶ {scene.title}", flush=True)
    started = time.monotonic()
    for line in scene.play(stage):
        print(f"  {line}", flush=True)
    print(f"  ✓ {time.monotonic() - started:.1f} s", flush=True)


class Stage:
    """A host on free ports, one board, and the folder the releases are made in."""

    PRODUCT = "blink"

    def __init__(self, folder):
        self.folder = folder
        self._stack = contextlib.ExitStack()
        self.app = folder / "blink"
        self.board_folder = folder / "board"
        self.bare_heap = 0
        self.device = self.client = self.board = self.host = None

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self._stack.enter_context(open(self.folder / "host.log", "wb"))
        # What is shown here is what a board does with releases that a gate would not let pass.
        untried = ("--verification", "off")
        self.host = fleet.Host(self.folder / "data", free_port(), free_port(), log, untried)
        self._stack.callback(self.host.stop)
        self.host.wait_until_ready()
        self.client = self.host.sign_in()
        self._stack.callback(self.client.close)
        return self

    def __exit__(self, *exc):
        self._stack.close()

    def start_board(self):
        """A fresh board, switched on."""
        self.board = self._stack.enter_context(fleet.new_board(self.board_folder, 1))
        self.board.power_on()

    def offer(self, files):
        """Write the app, release it and assign it; returns (number, id of the assignment)."""
        for name, content in files.items():
            place = self.app / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        number = fleet.publish(self.client, self.app, self.host.passphrase)
        if self.device is None:
            return number, None
        return number, fleet.assign(self.client, self.device, self.PRODUCT, number)

    def report(self, number, outcome, timeout_s=90):
        """The report of how the update to `number` ended, once it is there."""

        def find():
            ours = [r for r in self.reports() if r["kind"] == "update" and r["number"] == number]
            ended = [r for r in ours if r["outcome"] in ("done", "failed", "refused")]
            if ended and ended[0]["outcome"] != outcome:
                raise fleet.FleetError(f"release {number}: {outcome} expected, but {ended[0]}")
            return ended and ended[0]

        return fleet.wait_for(f"release {number} {outcome}", find, timeout_s)

    def reports(self):
        """What the board reported, newest first."""
        return self.client.get(f"/devices/{self.device}/reports")

    def idle_heap(self):
        """Bytes in use as the runtime said after it went online, the last time."""
        said = re.findall(r"heap: free \d+ used (\d+)", self.board.console_text)
        return int(said[-1])

    def now(self):
        """The device as the host knows it."""
        return self.client.get(f"/devices/{self.device}")

    def wait_until_running(self, number, timeout_s=60):
        """Return once the host sees the device online with this release."""

        def check():
            device = self.now()
            return device["online"] and device["number"] == number

        fleet.wait_for(f"release {number} running and online", check, timeout_s)


if __name__ == "__main__":
    sys.exit(main())
