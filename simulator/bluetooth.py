"""The Bluetooth of a virtual board: what `bluetooth.BLE` is asked, done by a Bumble device.

Values of characteristics are kept here; what a client writes is seen by the chip one write at a
time, when it takes the event of it, as on a board whose handler runs for each.
"""

import collections
import itertools

from simulator.peripheral import WRITE, Peripheral

_STATIC = 0xC0  # the two highest bits of a static random address
_EVENT = b"b\0\0"
_BUFFER_BYTES = 20  # of a characteristic, unless set otherwise


class _Value:
    """What a characteristic holds."""

    def __init__(self):
        self.data = b""
        self.limit = _BUFFER_BYTES
        self.is_appended = False
        self.characteristic = None  # Bumble's


class Bluetooth:
    """One board's. `tell` tells its chip, in the thread of the board's `loop`, of events."""

    def __init__(self, air, unique_id, loop, tell):
        self._air = air
        self._tell = lambda: loop.post(tell, _EVENT)
        address = bytes((unique_id[0] | _STATIC,)) + unique_id[1:6]
        self.address = ":".join(f"{byte:02X}" for byte in address)
        self._peripheral = None
        self.reset()

    def reset(self):
        """The radio is off, as after any reset but a soft one."""
        peripheral, self._peripheral = self._peripheral, None
        if peripheral:
            self._air.post(peripheral.end())
        self._values = {}
        self._events = collections.deque()
        self.settings = {"mtu": 256, "bond": False, "mitm": False, "io": 3, "le_secure": False}

    # What the chip asks, in the board's thread.

    def activate(self, on):
        """Switch it on or off."""
        if bool(on) == (self._peripheral is not None):
            return
        if not on:
            self.reset()
            return
        self._peripheral = Peripheral(self._air, self)
        self._peripheral.put("start")

    @property
    def is_active(self):
        """Whether it is on."""
        return self._peripheral is not None

    def register(self, services):
        """Services as [uuid, [[uuid, flags], …]], uuids little-endian in hex → value handles."""
        numbers = itertools.count(1)
        handles = [[next(numbers) for _ in rows] for _, rows in services]
        self._values = {handle: _Value() for row in handles for handle in row}
        self._peripheral.put("register", services, handles)
        return handles

    def advertise(self, interval_ms, data, answer):
        """Begin, or with None end, to advertise; data that are None stay as they were."""
        self._peripheral.put("advertise", interval_ms, data, answer)

    def read(self, handle):
        """What a characteristic holds; of one that appends that is taken out."""
        value = self._values[handle]
        data = value.data
        if value.is_appended:
            value.data = b""
        return data

    def write(self, handle, data, is_news):
        """Set it; subscribers are told where that is news."""
        self._values[handle].data = data
        if is_news:
            self._peripheral.put("notify", None, handle, data)

    def notify(self, connection, handle, data):
        """Send data, or what the characteristic holds, whether the client subscribed or not."""
        self._peripheral.put(
            "notify", connection, handle, self._values[handle].data if data is None else data
        )

    def set_buffer(self, handle, limit, is_appended):
        """How long a value clients may write, and whether writes are put together."""
        value = self._values[handle]
        value.limit, value.is_appended = limit, is_appended

    def disconnect(self, connection):
        """End a connection."""
        self._peripheral.put("disconnect", connection)

    def give_passkey(self, passkey):
        """What the client has to type."""
        self._peripheral.put("give_passkey", passkey)

    def next_event(self):
        """The next event and its values, None where there is none."""
        if not self._events:
            return None
        kind, *values = self._events.popleft()
        if kind == WRITE:
            connection, handle, data = values
            value = self._values[handle]
            held = value.data if value.is_appended else b""
            value.data = (held + data)[: value.limit]  # what is longer is cut, as on a board
            values = [connection, handle]
        return [kind, *values]

    # What happens in the air, in its thread.

    def happen(self, peripheral, kind, *values):
        """An event for the chip; of a run that is over nobody hears."""
        if peripheral is self._peripheral:
            self._events.append((kind, *values))
            self._tell()

    def value(self, handle):
        """The value of a handle, None where the services are gone."""
        return self._values.get(handle)
