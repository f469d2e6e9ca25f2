"""The air of Bluetooth: a link on which virtual controllers (Bumble's) hear each other.

Boards that share an Air meet on it, and so does any client that makes itself a device there.
"""

import asyncio
import itertools
import threading

_END_S = 0.2  # for boards to leave the air


class BluetoothMissing(Exception):  # noqa: N818 - says what it is
    """There is no Bumble on this computer."""

    def __init__(self):
        super().__init__("no Bluetooth here: install the package bumble into this Python")


class Air:
    """One link, and the thread in which everything on it happens; both begin with first use."""

    def __init__(self):
        self._lock = threading.Lock()
        self._loop = None
        self._thread = None
        self._link = None
        self._numbers = itertools.count(1)

    def post(self, coroutine):
        """Have a coroutine run on the air; its future is of another thread's kind."""
        self._start()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def run(self, coroutine, timeout=60):
        """Run a coroutine on the air and return what it does."""
        future = self.post(coroutine)
        try:
            return future.result(timeout)
        finally:
            future.cancel()

    def _start(self):
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="air", daemon=True
                )
                self._thread.start()

    async def device(self, name, address=None):
        """A Bumble device of its own on this link, switched on. To be awaited on the air.

        Raises: BluetoothMissing.
        """
        try:
            from bumble.controller import Controller
            from bumble.device import Device, DeviceConfiguration
            from bumble.hci import Address
            from bumble.host import Host
            from bumble.link import LocalLink
        except ImportError as error:
            raise BluetoothMissing from error
        self._link = self._link or LocalLink()
        address = address or f"F0:F1:F2:F3:F4:{next(self._numbers):02X}"
        controller = Controller(name, link=self._link)
        host = Host(controller, controller)
        # Static random addresses: with public ones Bumble's link does not carry data.
        settings = DeviceConfiguration(name=name, address=Address(address), keystore=None)
        device = Device(config=settings, host=host)
        await device.power_on()
        return device

    def close(self):
        """End the thread."""
        with self._lock:
            if self._loop is not None:
                asyncio.run_coroutine_threadsafe(self._end(), self._loop)
                self._thread.join()
                self._loop.close()
                self._loop = None

    async def _end(self):
        """What was posted before has begun: let it come to its end, and take the rest away."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        _, late = await asyncio.wait(others, timeout=_END_S) if others else (None, ())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        asyncio.get_running_loop().stop()
