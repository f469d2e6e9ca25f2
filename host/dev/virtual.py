"""A virtual board for one session: set up as a real one is, without a host or WiFi."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host import deploy
from host.builder import application
from host.deploy.errors import DeployError

_MODEL = "ESP32_GENERIC"  # whose virtual flash this is, whatever else the application may run on


class _Nobody:
    """The host of a board that has none: there are no releases."""

    def releases(self, _product: str) -> list[dict[str, Any]]:
        return []

    def find_device(self, _device_id: str) -> None:
        return None


@contextlib.contextmanager
def board(folder: Path, report: deploy.Report) -> Iterator[str]:
    """The serial port of a board of one's own for an app folder's product; gone at the end.

    Raises:
        DeployError: `no-micropython`, or what a deploy raises.
        BuildError: the folder does not describe a product.
    """
    from simulator import MicroPythonMissing, VirtualBoard

    with contextlib.ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="mpfleet-dev-"))
        try:
            board = stack.enter_context(VirtualBoard(Path(place), sim=folder / "sim"))
        except MicroPythonMissing as error:
            raise DeployError("no-micropython", str(error)) from error
        board.power_on()
        set_up(board.port, folder, report)
        yield board.port


def set_up(port: str, folder: Path, report: deploy.Report) -> None:
    """Deploy the runtime and the settings of an app folder, and nothing that a host would say."""
    fields = application.read_description(folder)
    deploy.deploy(port, _plan(fields), _Nobody(), report)


def _plan(fields: dict[str, Any]) -> deploy.Plan:
    return deploy.Plan(
        fields["product"],
        addresses=[],
        port=8443,
        mqtt_port=8883,
        fleet="mpfleet",
        ca_der=b"",
        wifi=[],
        model=_MODEL,
        config={"app": fields["settings"], "provisioning": "off"},  # it never waits for WiFi
        claims=False,
        wait_s=0,
    )
