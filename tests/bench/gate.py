"""How long the gate takes: from the end of an upload to verified, and per power cut.

The example `blink`, with three releases of it in the field and 40 cuts, at a host of its own.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from host import settings
from host.builder import release
from host.cli import verification
from host.cli.release import publish
from host.extensions import Database
from host.models import Device
from host.rig.process import HostProcess, free_port
from host.services import secret
from host.services.clock import utc

_BLINK = Path(__file__).parents[2] / "examples" / "blink"
_FIELD = 3


def main():
    """Print the seconds; exit status 1 where the release was not verified."""
    parser = argparse.ArgumentParser(prog="make bench-gate ARGS=…", description=__doc__)
    parser.add_argument("--cuts", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        return _measure(Path(name), options.cuts)


def _measure(folder, cuts):
    port = free_port()
    url, data = f"https://127.0.0.1:{port}", folder / "data"
    words = ["--port", str(port), "--mqtt-port", str(free_port()), "--verification"]
    with (folder / "host.log").open("wb") as log:
        _prepare(HostProcess(data, url, [*words, "off"], log), data)
        os.environ["MPFLEET_VERIFICATION_CUTS"] = str(cuts)
        host = HostProcess(data, url, [*words, "on"], log)
        try:
            host.wait_until_ready()
            return _try(host.sign_in(), cuts)
        finally:
            host.stop()


def _prepare(host, data):
    """Releases 1 to 3, a board on each."""
    try:
        host.wait_until_ready()
        client = host.sign_in()
        for number in range(1, _FIELD + 1):
            publish(client, release.build(_BLINK, number, 1795000000))
        client.close()
    finally:
        host.stop()
    database = Database(settings.load(data).url)
    with database.begin() as session:
        for number in range(1, _FIELD + 1):
            session.add(Device(
                id=f"24a16000000{number}", secret_digest=secret.digest("00" * 32), product="blink",
                state="claimed", model="ESP32_GENERIC", registered_at=utc(), number=number,
            ))  # fmt: skip
    database.close()


def _try(client, cuts):
    publish(client, release.build(_BLINK, _FIELD + 1, 1795000000))
    began, at = time.monotonic(), {}
    while (found := verification.read(client, "blink", _FIELD + 1))["state"] == "verifying":
        at.setdefault(found["job"]["check"], time.monotonic() - began)
        time.sleep(0.2)
    took = time.monotonic() - began
    client.close()
    print(f"{found['state']} after {took:.1f} s with {_FIELD} releases in the field, {cuts} cuts")
    print("began at: " + ", ".join(f"{name} {s:.0f} s" for name, s in at.items() if name))
    for one in found["findings"]:
        print(f"  {one['level']:4} {one['title']}: {one['sentence']}")
    return int(found["state"] != "verified")


if __name__ == "__main__":
    sys.exit(main())
