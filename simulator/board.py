"""A virtual board: a MicroPython process for a chip, a file for a flash, a pty for a serial port,
and power to switch.
"""

import threading
import time
from pathlib import Path

from simulator import calls, image
from simulator.chip import Chip, find_micropython
from simulator.clockwork import RealTimeClock, Timers, Watchdog
from simulator.console import Console
from simulator.control import Control
from simulator.firmware import Firmware, prepare
from simulator.flash import Flash, PowerCut
from simulator.loop import Loop
from simulator.nvs import Nvs
from simulator.partitions import find
from simulator.pins import BUTTON, Pins
from simulator.port import Port
from simulator.radio import AccessPoint, Radio
from simulator.relay import Relays
from simulator.station import Station

POWER_ON, HARD, WATCHDOG, DEEP_SLEEP, SOFT = 1, 2, 3, 4, 5
_ROM_SAYS = {
    POWER_ON: "POWERON_RESET",
    HARD: "SW_RESET",
    WATCHDOG: "TG1WDT_SYS_RESET",
    DEEP_SLEEP: "DEEPSLEEP_RESET",
}
# Until an interrupt that came at a bad moment is tried again; two values, lest it keep step.
_AGAIN_S = (0.0005, 0.0017)
_POKE_S = 0.002
_LIB = Path(__file__).parent.parent / "lib"

# An ESP32 has 163,120 bytes free at its prompt. Objects here are twice as large, and the modules
# that stand for those in the firmware lie in this heap too (measured:
# 45 kB at the prompt, more as an application loads buses and timers).
HEAP_BYTES = 2 * 163_120
STAND_INS_BYTES = 50_000


class VirtualBoard:
    """One board, whose flash and serial log are in `folder`. It is off until `power_on`.

    All of it happens in a thread of its own; its methods may be called from any other. `lib` is a
    folder of upstream modules that stand before our stand-ins; `firmware` an image for a fresh
    board's first slot.
    """

    def __init__(
        self,
        folder,
        *,
        model="ESP32_GENERIC",
        unique_id=b"\x24\x6f\x28\x00\x00\x01",
        access_points=None,
        heap_bytes=HEAP_BYTES,
        name=None,
        radio=None,
        firmware=None,
        lib=_LIB,
    ):
        find_micropython()  # better now than at the first power-on
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name or self.folder.name
        self.model = model
        self.unique_id = bytes(unique_id)
        self.heap_bytes = heap_bytes
        self.flash = Flash(self.folder / "flash.bin")
        self._lib = Path(lib) if lib and Path(lib).is_dir() else None
        self.reset_cause = POWER_ON
        self.resets = []  # the cause of every start so far
        self.on_text = None  # called with what comes out of the serial port
        self._chip = None
        self._held_input = b""
        self._is_started = False
        self._again = False
        self._text = bytearray()
        self._heard = threading.Condition()
        self._is_cut = threading.Event()
        self._log = open(self.folder / "serial.log", "ab", buffering=0)  # noqa: SIM115 - lives as long as the board
        self._loop = Loop(f"board {self.name}")
        self._console = Console()
        self._build(
            radio or Radio(access_points or [AccessPoint("home", "secret12")]),
            firmware or image.build(),
        )
        self._loop.start()

    def _build(self, radio, firmware):
        prepare(self.flash, firmware)
        self.firmware = Firmware(self.flash)
        self.nvs = Nvs(self.flash, find(self.firmware.partitions, "nvs"))
        self.radio = radio
        self.real_time_clock = RealTimeClock()
        self._timers = Timers(self._loop, self._tell)
        self._watchdog = Watchdog(self._loop, self._bite)
        self.pins = Pins(self._tell)
        self.sensors = {"temperature_c": 21.5, "humidity_percent": 45.0}
        self.station = Station(
            self._loop, radio, f"192.168.4.{2 + self.unique_id[-1] % 250}", self._air_changed
        )
        self._relays = Relays(self._loop, radio, lambda: self.station.is_online)
        radio.attach(self._relays)
        self._control = Control(self._loop, self.flash, self._calls(), self._cut, self._signals())
        self._port = Port(self._loop, self._type)
        self.port = self._port.path

    def _calls(self):
        return {
            "hello": self._hello,
            "started": self._started,
            "reset": lambda: self._restart(HARD),
            "sleep": self._sleep,
            "flash_line": self._set_flash_line,
            "flash_error": lambda: self._control.flash_error,
            **calls.firmware_calls(self.firmware),
            **calls.nvs_calls(self.nvs),
            **calls.clock_calls(self.real_time_clock, self._watchdog, self._timers),
            **calls.pin_calls(self.pins, self.sensors),
            **calls.wifi_calls(self.station),
            **calls.network_calls(self._loop, self.station, self.radio, self._relays),
        }

    def _signals(self):
        return {b"!": self._poke, b"C": self._interrupt_again}

    # What a hand can do to a board.

    @property
    def is_on(self):
        """Whether the chip has power and runs."""
        return self._chip is not None

    def power_on(self):
        """Give it power; harmless if it has."""
        self._loop.call(lambda: None if self._chip else self._restart(POWER_ON))

    def power_off(self):
        """Take the power away, whatever the board is doing."""
        self._loop.call(self._lose_power)

    def reset(self):
        """Press the EN button."""
        self._loop.call(self._restart, HARD)

    def press_button(self, seconds=0.2):
        """Press the BOOT button and let go of it after a while."""
        self._loop.call(self.pins.apply, BUTTON, 0)
        self._loop.call(self._loop.after, seconds, self.pins.apply, BUTTON, None)

    def cut_power_at(self, n, when="before"):
        """Let the power go at the n-th flash operation from now, before, in the middle of, or
        after it.
        """
        self._is_cut.clear()
        self._loop.call(self.flash.cut_power_at, n, when)

    def wait_for_cut(self, timeout=10):
        """Whether the cut came in time."""
        return self._is_cut.wait(timeout)

    def close(self):
        """Switch off and give everything back; the folder stays."""
        self._loop.call(self._close)
        self._loop.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # What it says.

    @property
    def console_text(self):
        """Everything that came out of the serial port since the board was made."""
        with self._heard:
            return self._text.decode("utf-8", "replace")

    @property
    def mark(self):
        """How many bytes came out of the serial port so far: `wait_for(…, since=mark)` looks at
        later ones only.
        """
        with self._heard:
            return len(self._text)

    def text_since(self, mark):
        """What came out of the serial port after this mark."""
        with self._heard:
            return self._text[mark:].decode("utf-8", "replace")

    def wait_for(self, text, timeout=10, since=0):
        """Wait until this text came out of the serial port; returns the mark where it ends, for
        the next `since`.

        Raises: TimeoutError with what came instead.
        """
        wanted, deadline = text.encode(), time.monotonic() + timeout
        with self._heard:
            while (at := self._text.find(wanted, since)) < 0:
                if (
                    not self._heard.wait(deadline - time.monotonic())
                    and time.monotonic() >= deadline
                ):
                    tail = self._text[-2000:].decode("utf-8", "replace")
                    raise TimeoutError(
                        f"{self.name} did not say {text!r} within {timeout} s but:\n{tail}"
                    )
            return at + len(wanted)

    def type(self, data):
        """Send bytes to the serial port, as a terminal does."""
        self._loop.call(self._type, data.encode() if isinstance(data, str) else data)

    # From here on everything runs in the loop's thread.

    def _restart(self, cause):
        """Any reset but a soft one."""
        self._stop_chip()
        self._watchdog.lose_power()
        self.station.reset()
        self._relays.drop()
        self.pins.reset()
        self.nvs.reload()
        if cause == POWER_ON:
            self.real_time_clock.lose_power()
        self._console.restart()
        self._show(f"\r\nrst:0x{cause:x} ({_ROM_SAYS[cause]})\r\n".encode())
        try:
            if self.firmware.start():
                self._start_chip(cause)
            else:
                self._show(b"No bootable app partitions in the partition table\r\n")
        except PowerCut:
            self._cut()

    def _soft_reset(self):
        self._stop_chip()
        self._show(b"MPY: soft reboot\r\n")
        self._console.restart(raw=self._console.is_raw)
        self._start_chip(SOFT)

    def _start_chip(self, cause):
        self.reset_cause = cause
        self.resets.append(cause)
        self._is_started = False
        self._chip = Chip(self._control.path, self.heap_bytes + STAND_INS_BYTES, self._lib)
        self._loop.watch(self._chip.console, self._listen)
        self._loop.watch(self._chip.exited, self._ended)

    def _stop_chip(self):
        self._timers.stop_all()
        self._control.hang_up()
        self._held_input = b""
        if self._chip:
            chip, self._chip = self._chip, None
            self._loop.forget(chip.console)
            self._loop.forget(chip.exited)
            chip.kill()
            self._show(self._console.finish())

    def _lose_power(self):
        self._stop_chip()
        self._watchdog.lose_power()
        self.station.reset()
        self._relays.drop()
        self.nvs.reload()
        self.flash.keep_power()

    def _cut(self):
        self._lose_power()
        self._is_cut.set()

    def _bite(self):
        self._show(b"\r\ntask_wdt: Task watchdog got triggered.\r\n")
        self._restart(WATCHDOG)

    def _sleep(self, milliseconds):
        self._stop_chip()
        self._watchdog.lose_power()
        self.station.reset()
        self._relays.drop()
        if milliseconds:
            self._loop.after(
                milliseconds / 1000, lambda: None if self._chip else self._restart(DEEP_SLEEP)
            )

    def _ended(self):
        """The interpreter ended by itself: a soft reset, unless it crashed."""
        self._listen()
        chip, self._chip = self._chip, None
        self._loop.forget(chip.console)
        self._loop.forget(chip.exited)
        if chip.close() < 0:
            self._show(b"\r\nGuru Meditation Error: the interpreter crashed\r\n")
            self._restart(HARD)
        else:
            self._soft_reset()

    def _hello(self):
        return {
            "flash": str(self.flash.path.resolve()),
            "id": self.unique_id.hex(),
            "model": self.model,
            "cause": self.reset_cause,
            "offset_us": self.real_time_clock.offset_us,
            "address": self.station.address,
            "raw": self._console.is_raw,
        }

    def _set_flash_line(self, number):
        self._chip.flash_line = number

    def _started(self):
        """The chip is about to run boot.py: from now on it can be interrupted, and typed to."""
        self._is_started = True
        held, self._held_input = self._held_input, b""
        self._type(held)

    def _type(self, data):
        """Bytes from the serial port, for the chip."""
        if self._chip is None:
            return
        if not self._is_started:
            self._held_input += data
            return
        for part in _split_at_interrupts(data):
            if part != b"\x03" or not self._interrupt():
                self._feed(part)

    def _interrupt(self):
        """Raise KeyboardInterrupt in the program that runs; False if none does."""
        if self._chip is None or not self._chip.is_interruptible:
            return False
        self._chip.interrupt()
        self._poke()
        return True

    def _interrupt_again(self):
        self._again = not self._again
        self._loop.after(_AGAIN_S[self._again], self._interrupt)

    def _feed(self, data):
        try:
            self._chip.console.send(data)
        except OSError:
            return  # it reads no more: bytes are lost, as in a serial port that overflows

    def _listen(self):
        """Bytes from the chip."""
        while self._chip:
            try:
                data = self._chip.console.recv(65536)
            except OSError:
                return
            if not data:
                self._loop.forget(self._chip.console)
                return
            shown, typed = self._console.feed(data)
            self._show(shown)
            if typed:
                self._feed(typed)

    def _show(self, data):
        if not data:
            return
        self._port.write(data)
        self._log.write(data)
        if self.on_text:
            self.on_text(data)
        with self._heard:
            self._text += data
            self._heard.notify_all()

    def _tell(self, event):
        self._control.tell(event)

    def _poke(self, tries=20):
        """Let the chip look at what was noted for it. While it computes it does so by itself, but
        it may be about to wait.
        """
        if self._chip is None:
            return
        if self._chip.is_waiting:
            self._chip.poke()
        elif tries:
            self._loop.after(_POKE_S, self._poke, tries - 1)

    def _air_changed(self):
        self._relays.refresh()

    def _close(self):
        self._lose_power()
        self._relays.close()
        self._control.close()
        self._port.close()
        self._log.close()
        self.flash.close()


def _split_at_interrupts(data):
    parts = data.split(b"\x03")
    for n, part in enumerate(parts):
        if n:
            yield b"\x03"
        if part:
            yield part
