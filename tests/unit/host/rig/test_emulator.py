"""The process of an emulator: its port, its flash, and what is said where it does not start."""

import sys
import threading

import pytest

from host.rig import file
from host.rig.console import Console
from host.rig.emulator import QemuPower
from host.rig.errors import RigError

# An emulator that says which flash it has, on a serial port as QEMU makes one.
TCP = """
import contextlib, socket, sys, time
host, port = sys.argv[2].removeprefix("tcp:").split(",")[0].split(":")
with socket.create_server((host, int(port))) as server:
    while True:
        client, _ = server.accept()
        with contextlib.suppress(OSError), client:
            while True:
                client.sendall(open(sys.argv[1], "rb").read() + b" runs\\r\\n")
                time.sleep(0.05)
"""
PTY = """
import os, sys, time, tty
master, slave = os.openpty()
tty.setraw(slave)
print("char device redirected to", os.ttyname(slave), "(label serial0)", flush=True)
while True:
    os.write(master, open(sys.argv[1], "rb").read() + b" runs\\r\\n")
    time.sleep(0.05)
"""


@pytest.fixture
def emulator(tmp_path):
    """Makes one that is off."""
    (tmp_path / "image.bin").write_bytes(b"ESP32")
    made = []

    def make(source, serial="tcp", flash="image.bin"):
        command = [sys.executable, "-c", source, "{flash}", "{serial}"]
        given = {"by": "qemu", "command": command, "flash": tmp_path / flash, "serial": serial}
        made.append(QemuPower(file.Qemu(**given), tmp_path / "board", tmp_path / "log"))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def listen(tmp_path):
    """Opens the console of an emulator."""
    opened = []

    def open_(power):
        opened.append(Console(lambda: power.port, tmp_path / "serial.log", threading.Event()))
        opened[-1].open()
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.mark.parametrize(("source", "serial"), ((TCP, "tcp"), (PTY, "pty")), ids=("tcp", "pty"))
def test_it_speaks_again_after_a_power_cut(emulator, listen, source, serial):
    power = emulator(source, serial)
    power.on()
    console = listen(power)
    console.wait_for("ESP32 runs", 20, 0)
    power.off()
    mark = console.mark
    power.on()
    assert console.wait_for("ESP32 runs", 20, mark) > mark


def test_its_image_stays_as_it_was(emulator, tmp_path):
    power = emulator("import sys; open(sys.argv[1], 'w').write('x')")
    with pytest.raises(RigError):
        power.on()
    assert (tmp_path / "image.bin").read_bytes() == b"ESP32"


def test_one_that_ends_at_once_says_why(emulator):
    power = emulator("import sys; sys.exit('no machine called esp32')")
    with pytest.raises(RigError, match=r"status 1; it said: no machine called esp32"):
        power.on()


def test_an_image_that_is_not_there_is_said(emulator):
    with pytest.raises(RigError, match=r"missing\.bin: No such file"):
        emulator(TCP, flash="missing.bin")
