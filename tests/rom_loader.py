"""Unmodified esptool, as a person runs it, and as a program does."""

import contextlib
import subprocess
import sys
from pathlib import Path

import esptool
import serial

# esptool changes the port's time-out to this one before each command and back after it; where it
# is this one already, pyserial's client does not negotiate with the port anew (0.1 s each time).
TIMEOUT_S = 3


def run_esptool(port, *arguments, timeout=60):
    """What esptool printed, or CalledProcessError. The board is in download mode and stays."""
    command = [Path(sys.executable).with_name("esptool"), "--port", port, "--no-stub"]
    command += ["--before", "no-reset", "--after", "no-reset", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=True
    ).stdout


@contextlib.contextmanager
def loader(url, mode="no-reset"):
    """esptool's view of the chip behind a port. With the mode "default-reset" it resets the chip
    into download mode, which only an rfc2217:// port lets it do.
    """
    with serial.serial_for_url(url, timeout=TIMEOUT_S) as port:
        yield esptool.detect_chip(port, connect_mode=mode)
