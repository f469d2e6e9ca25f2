"""Improv over Bluetooth Low Energy (improv-wifi.com/ble), by py-improv-ble-client on bleak."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import TypeVar

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError
from improv_ble_client import ImprovBLEClient, device_filter, protocol
from improv_ble_client.errors import CharacteristicMissingError, ImprovError, ProvisioningFailed
from improv_ble_client.models import DisconnectReason

from host.provisioning.board import (
    ANSWER_S,
    AUTHORIZE_S,
    JOIN_S,
    SCAN_S,
    Identity,
    Network,
    networks,
)
from host.provisioning.errors import ProvisioningError, gone, refusal, silent

FIND_S = 10

_Answer = TypeVar("_Answer")


async def find(find_s: float = FIND_S) -> list[BLEDevice]:
    """Every board nearby that waits for its WiFi, the nearest first.

    Raises:
        ProvisioningError: `no-bluetooth`.
    """
    seen: dict[str, tuple[BLEDevice, AdvertisementData]]
    try:
        seen = await BleakScanner.discover(timeout=find_s, return_adv=True)
    except (BleakError, OSError) as error:
        reason = error if isinstance(error, BleakError) else "no Bluetooth service runs"
        text = f"this computer's Bluetooth cannot be used: {reason}"
        raise ProvisioningError("no-bluetooth", text, "switch it on; or use a cable") from error
    waiting = [pair for pair in seen.values() if device_filter(pair[1])]
    return [device for device, _ in sorted(waiting, key=lambda pair: -pair[1].rssi)]


def named(devices: list[BLEDevice], name: str) -> BLEDevice:
    """The one that is meant: by its name, the end of it, or its address; or the only one.

    Raises:
        ProvisioningError: `no-answer`, `several-boards`.
    """
    wanted = name.lower()
    meant = [d for d in devices if wanted in (str(d.address).lower(), *_ends(d.name or ""))]
    meant = meant if name else devices
    if not meant:
        raise silent(name or "Bluetooth")
    if len(meant) > 1:
        listed = ", ".join(str(d.name or d.address) for d in meant)
        text = f"several boards wait nearby: {listed}"
        raise ProvisioningError("several-boards", text, "say which one with --ble NAME")
    return meant[0]


def _ends(name: str) -> tuple[str, str]:
    return name.lower(), name.lower().rpartition("-")[2]


@contextlib.asynccontextmanager
async def connect(device: BLEDevice) -> AsyncIterator["BluetoothBoard"]:
    """A board that was found.

    Raises:
        ProvisioningError: `board-gone`.
    """
    client = _Client(device)
    try:
        await _kept(client.ensure_connected(), JOIN_S)
        yield BluetoothBoard(client)
    finally:
        await client.leave()


class _Client(ImprovBLEClient):
    """The library hangs up by a timer only, after 90 s: its version is pinned for this."""

    async def leave(self) -> None:
        """Hang up."""
        with contextlib.suppress(BleakError, EOFError):  # it is off already
            await self._execute_disconnect(DisconnectReason.TIMEOUT)


class BluetoothBoard:
    """A `Board` within reach."""

    def __init__(self, client: ImprovBLEClient) -> None:
        self._client = client

    async def identity(self) -> Identity:
        """What it is."""
        told = await _kept(self._client.get_device_info())
        texts = told.firmware_name, told.firmware_version, told.hardware_chip, told.device_name
        return Identity(*(text.decode(errors="replace") for text in texts))

    async def identify(self) -> None:
        """Make it blink."""
        await _kept(self._client.identify())

    async def is_authorized(self) -> bool:
        """Whether it takes settings from here."""
        return not await _kept(self._client.need_authorization())

    async def wait_until_authorized(self) -> None:
        """Return once it does."""
        authorized = asyncio.Event()

        def told(state: protocol.State) -> None:
            if state is protocol.State.AUTHORIZED:
                authorized.set()

        end = await _kept(self._client.subscribe_state_updates(told))
        try:
            await asyncio.wait_for(authorized.wait(), AUTHORIZE_S)
        except TimeoutError:
            raise refusal(protocol.Error.NOT_AUTHORIZED) from None
        finally:
            end()

    async def scan(self) -> list[Network]:
        """The networks it hears."""
        told = await _kept(self._client.scan_wifi(), SCAN_S)
        decoded = [tuple(part.decode(errors="replace") for part in one) for one in told.networks]
        return networks(decoded)

    async def rename(self, hostname: str) -> None:
        """Give it a name in its network."""
        await _kept(self._client.set_hostname(hostname))

    async def join(self, ssid: str, password: str) -> str:
        """Hand over a network."""
        return await _kept(self._client.provision(ssid, password, None), JOIN_S) or ""


async def _kept(action: Coroutine[None, None, _Answer], wait_s: float = ANSWER_S) -> _Answer:
    """What is done within a time, with our words for what can go wrong."""
    try:
        return await asyncio.wait_for(action, wait_s)
    except ProvisioningFailed as error:
        raise refusal(error.error) from error
    except (ImprovError, CharacteristicMissingError, BleakError, EOFError, TimeoutError) as error:
        raise gone() from error
