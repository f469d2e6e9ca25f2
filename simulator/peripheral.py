"""A board's Bluetooth in the air: a Bumble device that does one thing after the other."""

import asyncio
import collections
import contextlib
import functools

CONNECT, DISCONNECT, WRITE, MTU, ENCRYPTION, PASSKEY = 1, 2, 3, 21, 28, 31  # events of the chip
_SHOW = 3  # of PASSKEY: the board shows it, the client types it
_PASSKEY_S = 20
_FLAGS = 0x3F  # of a characteristic, that are its properties in the air, too
_ENCRYPTED, _AUTHENTICATED = 0x1000, 0x2000  # flags: writing asks for such a link


class Peripheral:
    """From switching on to switching off. `owner` is the board's Bluetooth: it has the values."""

    def __init__(self, air, owner):
        self._air = air
        self._owner = owner
        self._device = None
        self._connections = {}
        self._advertised = [b"", b""]
        self._passkey = None
        self._queue = collections.deque()
        self._task = None

    def put(self, name, *args):
        """Do this next."""
        self._air.post(self._add(name, args))

    async def _add(self, name, args):
        self._queue.append(functools.partial(getattr(self, "_" + name), *args))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self):
        while self._queue:
            await self._queue.popleft()()

    async def end(self):
        """Vanish from the air: clients see the link lost."""
        self._queue.clear()
        if self._task:
            self._task.cancel()
        if self._device is not None:
            device, self._device = self._device, None
            for connection in list(self._connections.values()):
                with contextlib.suppress(Exception):  # whatever Bumble says: the board is gone
                    await connection.disconnect()
            with contextlib.suppress(Exception):
                await device.stop_advertising()
            device.host.controller.link.remove_controller(device.host.controller)

    async def _start(self):
        owner = self._owner
        self._device = await self._air.device(owner.settings.get("gap_name", ""), owner.address)
        self._device.pairing_config_factory = self._pairing
        self._device.on("connection", self._connected)

    async def _register(self, services, handles):
        from bumble.gatt import Characteristic, CharacteristicValue, Service

        for (uuid, rows), row in zip(services, handles, strict=True):
            made = []
            for (inner, flags), handle in zip(rows, row, strict=True):
                value = CharacteristicValue(
                    read=functools.partial(self._read_by, handle),
                    write=functools.partial(self._written_by, handle),
                )
                one = Characteristic(_uuid(inner), _properties(flags), _permissions(flags), value)
                self._owner.value(handle).characteristic = one
                made.append(one)
            self._device.add_service(Service(_uuid(uuid), made))
        self._device.gatt_server.max_mtu = self._owner.settings["mtu"]

    async def _advertise(self, interval_ms, data, answer):
        for n, given in enumerate((data, answer)):
            self._advertised[n] = self._advertised[n] if given is None else given
        if self._device.is_advertising:
            await self._device.stop_advertising()
        if interval_ms is not None:
            await self._device.start_advertising(
                advertising_data=self._advertised[0], scan_response_data=self._advertised[1],
                advertising_interval_min=interval_ms, advertising_interval_max=interval_ms,
            )  # fmt: skip

    async def _notify(self, number, handle, data):
        value = self._owner.value(handle)
        if value is None or value.characteristic is None:
            return
        for known, connection in list(self._connections.items()):
            if number in (None, known):
                await self._device.notify_subscriber(
                    connection, value.characteristic, data, force=number is not None
                )

    async def _disconnect(self, number):
        if number in self._connections:
            await self._connections[number].disconnect()

    async def _give_passkey(self, passkey):
        if self._passkey and not self._passkey.done():
            self._passkey.set_result(passkey)

    def _read_by(self, handle, _):
        value = self._owner.value(handle)
        return value.data if value else b""

    def _written_by(self, handle, connection, data):
        self._happen(WRITE, connection.handle, handle, bytes(data))

    def _happen(self, *event):
        self._owner.happen(self, *event)

    def _connected(self, connection):
        number = connection.handle
        self._connections[number] = connection
        address = bytes(reversed(bytes(connection.peer_address))).hex()
        kind = int(connection.peer_address.is_random)
        self._happen(CONNECT, number, kind, address)

        def gone(_):
            self._connections.pop(number, None)
            self._happen(DISCONNECT, number, kind, address)

        def changed():
            is_on = bool(connection.encryption)
            self._happen(ENCRYPTION, number, is_on, bool(connection.authenticated), False, 16)

        connection.on("disconnection", gone)
        connection.on(
            "connection_att_mtu_update", lambda: self._happen(MTU, number, connection.att_mtu)
        )
        connection.on("connection_encryption_change", changed)

    def _pairing(self, connection):
        from bumble.pairing import PairingConfig, PairingDelegate

        settings, ask = self._owner.settings, functools.partial(self._ask, connection.handle)

        class Delegate(PairingDelegate):
            async def generate_passkey(self):
                return await ask()

        delegate = Delegate(PairingDelegate.IoCapability(settings["io"]))
        return PairingConfig(
            sc=settings["le_secure"], mitm=settings["mitm"], bonding=settings["bond"],
            delegate=delegate,
        )  # fmt: skip

    async def _ask(self, number):
        self._passkey = asyncio.get_running_loop().create_future()
        self._happen(PASSKEY, number, _SHOW, 0)
        return await asyncio.wait_for(self._passkey, _PASSKEY_S)


def _uuid(text):
    from bumble.core import UUID

    return UUID.from_bytes(bytes.fromhex(text))


def _properties(flags):
    from bumble.gatt import Characteristic

    return Characteristic.Properties(flags & _FLAGS)


def _permissions(flags):
    from bumble.att import Attribute

    found = Attribute.Permissions.READABLE | Attribute.Permissions.WRITEABLE
    if flags & _ENCRYPTED:
        found |= Attribute.Permissions.WRITE_REQUIRES_ENCRYPTION
    if flags & _AUTHENTICATED:
        found |= Attribute.Permissions.WRITE_REQUIRES_AUTHENTICATION
    return found
