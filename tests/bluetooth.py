"""bleak on the virtual air: an unmodified client of it meets virtual boards.

What a client does runs on the air's own loop: `air.run(coroutine)`.
"""

import asyncio
import contextlib

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError
from bleak.uuids import normalize_uuid_str
from bumble.core import AdvertisingData
from bumble.device import Peer
from bumble.pairing import PairingConfig, PairingDelegate

_MTU = 517


@contextlib.contextmanager
def bleak_on(air, monkeypatch):
    """Within, bleak's own scanner and clients are on this air."""
    radio = Radio(air)
    scanner = type("Scanner", (Scanner,), {"radio": radio})
    client = type("Client", (Client,), {"radio": radio})
    with monkeypatch.context() as patch:
        patch.setattr("bleak.get_platform_scanner_backend_type", lambda: (scanner, "virtual"))
        patch.setattr("bleak.get_platform_client_backend_type", lambda: (client, "virtual"))
        yield radio


class Radio:
    """The computer's: one Bumble device, made when it is first wanted."""

    def __init__(self, air):
        self._air = air
        self._device = None
        self._making = asyncio.Lock()
        self._scanners = 0
        self.connecting = asyncio.Lock()  # it makes one connection at a time
        self.passkey = None  # what a person types when a board shows one

    async def device(self):
        """The device, switched on."""
        async with self._making:
            if self._device is None:
                self._device = await self._air.device("laptop")
                self._device.pairing_config_factory = self._pairing
        return self._device

    async def scan(self, change):
        """One scanner more, or less."""
        device, before = await self.device(), self._scanners
        self._scanners += change
        if bool(before) != bool(self._scanners):
            await (device.start_scanning if self._scanners else device.stop_scanning)()

    def _pairing(self, _):
        radio = self

        class Person(PairingDelegate):
            async def get_number(self):
                return radio.passkey

        kind = PairingDelegate.IoCapability
        io = kind.NO_OUTPUT_NO_INPUT if self.passkey is None else kind.KEYBOARD_INPUT_ONLY
        return PairingConfig(True, self.passkey is not None, False, Person(io))


class Scanner(BaseBleakScanner):
    """Hears advertisements."""

    radio = None

    def __init__(self, detection_callback, service_uuids, *_, **__):
        super().__init__(detection_callback, service_uuids)

    async def start(self):
        self.seen_devices = {}
        device = await self.radio.device()
        device.on("advertisement", self._heard)
        await self.radio.scan(1)

    async def stop(self):
        device = await self.radio.device()
        device.remove_listener("advertisement", self._heard)
        await self.radio.scan(-1)

    def _heard(self, advertisement):
        data, address = advertisement.data, advertisement.address.to_string(False)
        found = advertised(data, advertisement.rssi)
        if self.is_allowed_uuid(found.service_uuids):
            device = self.create_or_update_device(
                address, address, found.local_name, advertisement.address, found
            )
            self.call_detection_callbacks(device, found)


def advertised(data, dbm):
    """Bumble's advertising data as bleak's."""
    uuids = [
        uuid
        for kind in (
            AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
            AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
        )
        for found in data.get_all(kind)
        for uuid in found
    ]
    services = data.get_all(AdvertisingData.SERVICE_DATA_16_BIT_UUID)
    return AdvertisementData(
        local_name=data.get(AdvertisingData.COMPLETE_LOCAL_NAME),
        manufacturer_data={},
        service_data={_uuid(uuid): bytes(content) for uuid, content in services},
        service_uuids=[_uuid(uuid) for uuid in uuids],
        tx_power=None,
        rssi=dbm,
        platform_data=(),
    )


def _uuid(uuid):
    return normalize_uuid_str(uuid.to_hex_str("-"))


class Client(BaseBleakClient):
    """One connection."""

    radio = None

    def __init__(self, device, *, disconnected_callback, timeout, **_):
        super().__init__(device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._place = device.details if hasattr(device, "details") else device
        self._connection = None
        self._peer = None
        self._subscribers = {}

    @property
    def mtu_size(self):
        return self._connection.att_mtu if self._connection else 23

    @property
    def is_connected(self):
        return self._connection is not None

    async def connect(self, pair, **_):
        device = await self.radio.device()
        try:
            async with self.radio.connecting:
                self._connection = await device.connect(self._place, timeout=self._timeout)
        except Exception as error:
            raise BleakError(f"not found: {error!r}") from error
        self._connection.on("disconnection", self._gone)
        if pair:
            await self.pair()
        self._peer = Peer(self._connection)
        await self._peer.request_mtu(_MTU)
        await self._peer.discover_services()
        self.services = BleakGATTServiceCollection()
        for service in self._peer.services:
            await self._describe(service)

    async def _describe(self, service):
        known = BleakGATTService(service, service.handle, _uuid(service.uuid))
        self.services.add_service(known)
        for one in await service.discover_characteristics():
            names = {2: "read", 4: "write-without-response", 8: "write", 16: "notify"}
            properties = [name for bit, name in names.items() if one.properties & bit]
            self.services.add_characteristic(
                BleakGATTCharacteristic(
                    one, one.handle, _uuid(one.uuid), properties, lambda: 20, known
                )
            )

    def _gone(self, _):
        self._connection = None
        if self._disconnected_callback:
            self._disconnected_callback()

    async def disconnect(self):
        if self._connection:
            with contextlib.suppress(Exception):  # it may have gone just now
                await self._connection.disconnect()

    async def pair(self, *_, **__):
        await self._connection.pair()

    async def unpair(self):
        raise NotImplementedError

    async def read_gatt_char(self, characteristic, **_):
        return bytearray(await self._asked(characteristic.obj.read_value()))

    async def write_gatt_char(self, characteristic, data, response):
        await self._asked(characteristic.obj.write_value(bytes(data), with_response=response))

    async def _asked(self, awaitable):
        if not self._connection:
            awaitable.close()
            raise BleakError("not connected")
        try:
            return await awaitable
        except Exception as error:
            raise BleakError(str(error)) from error

    async def start_notify(self, characteristic, callback, **_):
        def heard(data):
            callback(bytearray(data))

        self._subscribers[characteristic.handle] = heard
        await self._asked(characteristic.obj.subscribe(heard))

    async def stop_notify(self, characteristic):
        heard = self._subscribers.pop(characteristic.handle)
        await self._asked(characteristic.obj.unsubscribe(heard))

    async def read_gatt_descriptor(self, descriptor, **_):
        raise NotImplementedError

    async def write_gatt_descriptor(self, descriptor, data):
        raise NotImplementedError
