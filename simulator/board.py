"""A virtual board: a process for a chip, a file for a flash, a pty for a port, and power."""

import functools
import threading
from pathlib import Path

from simulator import calls, image
from simulator.air import Air
from simulator.auto_reset import AutoReset
from simulator.bluetooth import Bluetooth
from simulator.chip import find_micropython
from simulator.clockwork import RealTimeClock, Timers, Watchdog
from simulator.control import Control
from simulator.firmware import Firmware, prepare
from simulator.flash import SECTOR, SIZE, Flash
from simulator.loop import Loop
from simulator.machine import HARD, Machine
from simulator.nvs import Nvs
from simulator.partitions import LAYOUT, find
from simulator.pins import BUTTON, Pins
from simulator.radio import AccessPoint, Radio
from simulator.relay import Relays
from simulator.rom.chips import CHIPS
from simulator.rom.registers import Registers
from simulator.rom.session import Session
from simulator.serial_ports import SerialPorts
from simulator.station import Station

_LIB = Path(__file__).parent.parent / "lib"

# An ESP32 has 163,120 bytes free at its prompt. Objects here are twice as large, and the modules
# that stand for those in the firmware lie in this heap too (measured: 45 kB at the prompt, more as
# an application loads buses and timers).
HEAP_BYTES = 2 * 163_120
STAND_INS_BYTES = 50_000


class VirtualBoard:
    """One board, whose flash and serial log are in `folder`. It is off until `power_on`.

    All of it happens in a thread of its own; its methods may be called from any other. `lib` is a
    folder of upstream modules that stand before our stand-ins, `sim` one of an application's own
    (docs/APP.md); `firmware` an image for a fresh
    board's first slot, whose bootloader `has_rollback` or not, and `layout` its partition table
    (None: a blank flash of `flash_bytes`). `chip` and `is_encrypted` are what it says of itself in
    download mode. Boards that share an `air` are in each other's reach by Bluetooth. `flash`,
    `firmware`, `nvs`, `radio`, `bluetooth`, `station`, `pins`, `sensors` and `real_time_clock` are
    its parts, to look at and to change.
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
        air=None,
        firmware=None,
        has_rollback=True,
        layout=LAYOUT,
        flash_bytes=SIZE,
        chip="ESP32",
        is_encrypted=False,
        lib=_LIB,
        sim=None,
    ):
        find_micropython()  # better now than at the first power-on
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name or self.folder.name
        self.model = model
        self.unique_id = bytes(unique_id)
        self.radio = radio or Radio(access_points or [AccessPoint("home", "secret12")])
        self.flash = Flash(self.folder / "flash.bin", flash_bytes)
        self.air, self._owns_air = air or Air(), air is None
        self._fuses = (CHIPS[chip], self.unique_id, is_encrypted)
        self._is_cut = threading.Event()
        self._loop = Loop(f"board {self.name}")
        prepare(self.flash, firmware or image.build(), has_rollback, layout)
        self._build(heap_bytes + STAND_INS_BYTES, lib, sim)
        self._loop.start()

    def _build(self, heap_bytes, lib, sim):
        self.firmware = Firmware(self.flash)
        self.nvs = Nvs(self.flash, self._nvs_partition())
        self.real_time_clock = RealTimeClock()
        self.sensors = {"temperature_c": 21.5, "humidity_percent": 45.0}
        self._control = Control(self._loop, self.flash)
        self.pins = Pins(self._control.tell)
        self._timers = Timers(self._loop, self._control.tell)
        address = f"192.168.4.{2 + self.unique_id[-1] % 250}"
        self.station = Station(
            self._loop,
            self.radio,
            address,
            lambda: self._relays.refresh(),
            lambda: self.firmware.behaviour == image.NO_WIFI,
        )
        self.bluetooth = Bluetooth(self.air, self.unique_id, self._loop, self._control.tell)
        self._relays = Relays(self._loop, self.radio, lambda: self.station.is_online)
        self.radio.attach(self._relays)
        folders = [Path(one) if one and Path(one).is_dir() else None for one in (lib, sim)]
        chip = (self._control.path, heap_bytes, *folders)
        self._machine = Machine(
            self, self._loop, chip, lambda data: self._serial.say(data), self._is_cut.set
        )
        self._watchdog = Watchdog(self._loop, self._machine.bite)
        self._auto_reset = AutoReset(self._loop, self.pins, self._machine)
        heard, log = self._machine.hear, self.folder / "serial.log"
        self._serial = SerialPorts(self._loop, heard, self._auto_reset.set, log)
        self._transcript = self._serial.transcript
        self.port = self._serial.path
        keyboard = self._machine.keyboard
        signals = {b"!": keyboard.poke, b"C": keyboard.interrupt_again}
        self._control.serve(self._calls(), signals, self._machine.cut)

    def _nvs_partition(self):
        named = [p for p in self.firmware.partitions if p.label == "nvs"]
        return (named or [find(LAYOUT, "nvs")])[0]  # without a table nothing runs to ask for it

    def _calls(self):
        return {
            **calls.chip_calls(self, self._machine, self._control),
            **calls.firmware_calls(self.firmware),
            **calls.nvs_calls(self.nvs),
            **calls.clock_calls(self.real_time_clock, self._watchdog, self._timers),
            **calls.pin_calls(self.pins, self.sensors),
            **calls.wifi_calls(self.station),
            **calls.bluetooth_calls(self.bluetooth),
            **calls.network_calls(self._loop, self.station, self.radio, self._relays),
        }

    # What a hand can do to a board.

    def power_on(self):
        """Give it power; harmless if it has."""
        self._loop.call(self._machine.power_on)

    def power_off(self):
        """Take the power away, whatever the board is doing."""
        self._loop.call(self._machine.power_off)

    def reset(self):
        """Reset the chip as software does (cause 2); by EN it would be a power-on."""
        self._loop.call(self._machine.restart, HARD)

    def press_button(self, seconds=0.2):
        """Press the BOOT button and let go of it after a while."""
        self._loop.call(self.pins.apply, BUTTON, 0)
        self._loop.call(self._loop.after, seconds, self.pins.apply, BUTTON, None)

    def enter_download(self):
        """Hold BOOT and press EN, for ports without reset lines: its ROM then answers esptool."""
        self._loop.call(self._enter_download)

    def _enter_download(self):
        self.pins.apply(BUTTON, 0)
        self._machine.hold()
        self._machine.release()
        self.pins.apply(BUTTON, None)

    def cut_power_at(self, n, when="before"):
        """Let the power go at the n-th flash operation from now (1 is the next).

        `when` is "before", "middle" (the operation is torn) or "after".
        """
        self._is_cut.clear()
        self._loop.call(self.flash.cut_power_at, n, when)

    def wait_for_cut(self, timeout=10):
        """Whether the cut came in time."""
        return self._is_cut.wait(timeout)

    def corrupt_file_system(self):
        """Make the file system one that nothing can mount: both its superblocks are garbage."""
        offset = find(self.firmware.partitions, "vfs").offset
        self._loop.call(self.flash.program, offset, bytes(2 * SECTOR))

    def listen(self, scheme, number=0):
        """Offer the serial port on the computer's loopback, too; returns its URL.

        `scheme` is "socket" or "rfc2217" (where DTR and RTS reset the board); number 0 is any TCP
        port that is free. Raises: OSError if it is not free.
        """
        return self._serial.listen(scheme, number)

    @functools.cached_property
    def socket_url(self):
        """The serial port as `socket://`, offered from now on."""
        return self.listen("socket")

    @functools.cached_property
    def rfc2217_url(self):
        """The serial port as `rfc2217://`, offered from now on."""
        return self.listen("rfc2217")

    def type(self, data):
        """Send bytes to the serial port, as a terminal does."""
        data = data.encode() if isinstance(data, str) else data
        self._loop.call(self._machine.hear, data, self._serial.say)

    def close(self):
        """Switch off and give everything back; the folder stays."""
        self._loop.call(self._close)
        if self._owns_air:
            self.air.close()
        self._loop.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # What can be seen of it.

    @property
    def is_on(self):
        """Whether the chip runs (it does not in deep sleep)."""
        return self._machine.chip is not None

    @property
    def is_downloading(self):
        """Whether the chip is in download mode, where its ROM answers esptool."""
        return self._machine.rom is not None

    @property
    def resets(self):
        """The cause of every start so far."""
        return self._machine.causes

    @property
    def reset_cause(self):
        """The cause of the last start."""
        return self._machine.causes[-1]

    @property
    def console_text(self):
        """Everything that came out of the serial port since the board was made."""
        return self._transcript.since(0)

    @property
    def mark(self):
        """How much came out of the serial port so far, for the `since` of `wait_for`."""
        return self._transcript.mark

    def text_since(self, mark):
        """What came out of the serial port after this mark."""
        return self._transcript.since(mark)

    def wait_for(self, text, timeout=10, since=0):
        """Wait until this text came out of the serial port; returns the mark at its end.

        Raises: TimeoutError with what came instead.
        """
        return self._transcript.wait_for(text, timeout, since)

    @property
    def on_text(self):
        """Called, in the board's thread, with every piece that comes out of the serial port."""
        return self._transcript.on_text

    @on_text.setter
    def on_text(self, function):
        self._transcript.on_text = function

    # The machine's.

    def halt(self):
        """End what every reset but a soft one ends."""
        self._watchdog.lose_power()
        self.station.reset()
        self.bluetooth.reset()
        self._relays.drop()
        self.pins.reset()
        self.firmware.read_table()
        self.nvs.reload(self._nvs_partition())

    def start_rom(self):
        """The session of a start in download mode."""
        chip, mac, is_encrypted = self._fuses
        registers = Registers(chip, mac, is_encrypted, self.flash.size)
        return Session(chip, registers, self.flash)

    def hang_up(self):
        """End what every reset ends."""
        self._timers.stop_all()
        self._control.hang_up()

    def _close(self):
        self._machine.power_off()
        self._relays.close()
        self._control.close()
        self._serial.close()
        self.flash.close()
