"""The life of a virtual board's chip: from a reset to the next, with power and without.

All of it runs in the thread of the board's loop.
"""

from simulator.chip import Chip
from simulator.console import Console
from simulator.flash import PowerCut
from simulator.image import PANIC
from simulator.keyboard import Keyboard
from simulator.pins import BUTTON

POWER_ON, HARD, WATCHDOG, DEEP_SLEEP, SOFT = 1, 2, 3, 4, 5
_ROM_SAYS = {
    POWER_ON: "POWERON_RESET",
    HARD: "SW_RESET",
    WATCHDOG: "TG1WDT_SYS_RESET",
    DEEP_SLEEP: "DEEPSLEEP_RESET",
}
_FROM_FLASH = "0x13 (SPI_FAST_FLASH_BOOT)"
_DOWNLOAD = "0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))"
_PANIC_S = 0.05  # until the registers are printed


class Machine:
    """Starts and ends chips. `parts` is the board: its flash, firmware, station and so on."""

    def __init__(self, parts, loop, start_chip_by, say, when_cut):
        self._parts = parts
        self._loop = loop
        self._start_chip_by = start_chip_by  # (control path, heap, lib) of a Chip
        self._say = say
        self._when_cut = when_cut
        self._console = Console()
        self.keyboard = Keyboard(loop)
        self.chip = None
        self.rom = None  # the session of a chip in download mode
        self.has_power = False
        self._is_held = False  # EN is low
        self._alarm = None  # when deep sleep ends
        self.causes = []  # of every start so far

    @property
    def is_raw(self):
        """Whether the REPL is, or is to come up, in raw mode."""
        return self._console.is_raw

    def power_on(self):
        """Give it power, if it has none."""
        if not self.has_power:
            self.has_power = True
            self.restart(POWER_ON)

    def power_off(self):
        """Take the power away."""
        self._halt()
        self.has_power = False
        self._parts.flash.keep_power()

    def hold(self):
        """EN goes low: nothing runs until it is released."""
        self._is_held = True
        self._halt()

    def release(self):
        """EN goes high; harmless if it is."""
        if self._is_held:
            self._is_held = False
            self.restart(POWER_ON)

    def cut(self):
        """The power went at a flash operation."""
        self.power_off()
        self._when_cut()

    def restart(self, cause):
        """Any reset but a soft one; without power, or while EN is low, there is none."""
        if not self.has_power or self._is_held:
            return
        self._halt()
        if cause == POWER_ON:
            self._parts.real_time_clock.lose_power()
        self._console.restart()
        # Only a reset by power or EN looks at IO0.
        is_download = cause == POWER_ON and not self._parts.pins.level(BUTTON)
        boot = _DOWNLOAD if is_download else _FROM_FLASH
        self._say(f"\r\nrst:0x{cause:x} ({_ROM_SAYS[cause]}),boot:{boot}\r\n".encode())
        if is_download:
            self.rom = self._parts.start_rom()
            self._say(b"waiting for download\r\n")
        else:
            self._start_firmware(cause)

    def _start_firmware(self, cause):
        try:
            if not self._parts.firmware.start():
                self._say(self._parts.firmware.complaint + b"\r\n")
            elif self._parts.firmware.behaviour == PANIC:
                self._say(b"Guru Meditation Error: Core  0 panic'ed (IllegalInstruction)\r\n")
                self._alarm = self._loop.after(_PANIC_S, self.restart, HARD)
            else:
                self._start(cause)
        except PowerCut:
            self.cut()

    def hear(self, data, answer):
        """Bytes from a serial port: for the ROM in download mode, else typed."""
        if self.rom is None:
            self.keyboard.type(data)
            return
        try:
            answer(self.rom.feed(data))
        except PowerCut:
            self.cut()
            return
        if self.rom.is_over:
            self.restart(HARD)

    def bite(self):
        """The watchdog was not fed in time."""
        self._say(b"\r\ntask_wdt: Task watchdog got triggered.\r\n")
        self.restart(WATCHDOG)

    def sleep(self, milliseconds):
        """Deep sleep: nothing but the clock goes on. Without a duration only a reset ends it."""
        self._halt()
        if milliseconds:
            self._alarm = self._loop.after(milliseconds / 1000, self.restart, DEEP_SLEEP)

    def soft_reset(self):
        """Start the interpreter anew, in the mode its REPL was in; the chip goes on."""
        self._stop_chip()
        self._say(b"MPY: soft reboot\r\n")
        self._console.restart(raw=self._console.is_raw)
        self._start(SOFT)

    def _halt(self):
        """What every reset but a soft one ends, and the lack of power too."""
        self._stop_chip()
        self.rom = None
        if self._alarm:
            self._alarm.cancel()
        self._parts.halt()

    def _start(self, cause):
        self.causes.append(cause)
        self.chip = Chip(*self._start_chip_by)
        self.keyboard.attach(self.chip)
        self._loop.watch(self.chip.console, self._listen)
        self._loop.watch(self.chip.exited, self._ended)

    def _stop_chip(self):
        if self.chip:
            self._let_go().kill()
        self._parts.hang_up()  # before, the chip would hear it, and go on for an instant

    def _let_go(self):
        """The chip, with which the machine has nothing more to do."""
        chip, self.chip = self.chip, None
        self.keyboard.attach(None)
        self._loop.forget(chip.console)
        self._loop.forget(chip.exited)
        self._say(self._console.finish())
        return chip

    def _ended(self):
        """The interpreter ended by itself: a soft reset, unless it crashed."""
        self._listen()
        never_started = not self.keyboard.is_listening
        status = self._let_go().close()
        if never_started:  # it would only do so again, and again
            self._say(f"\r\nThe interpreter does not start (exit status {status})\r\n".encode())
            self.power_off()
        elif status < 0:
            self._say(b"\r\nGuru Meditation Error: the interpreter crashed\r\n")
            self.restart(HARD)
        else:
            self.soft_reset()

    def _listen(self):
        """Bytes from the chip."""
        while self.chip:
            try:
                data = self.chip.console.recv(65536)
            except OSError:
                return
            if not data:
                self._loop.forget(self.chip.console)
                return
            shown, typed = self._console.feed(data)
            self._say(shown)
            self.keyboard.press(typed)
