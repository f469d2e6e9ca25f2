"""What a board without a prompt says, and the word for it, as a table."""

import pytest

from host.deploy import diagnosis

REBOOT = b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x3 (SW_RESET),boot:0x13\r\n"
CASES = {
    "nothing": (b"", "no-repl"),
    "an echo": (b"\r\x03\r\x01\r\x03", "no-repl"),
    "no files": (b"The filesystem appears to be corrupted. If", "broken-filesystem"),
    "CircuitPython": (b"Adafruit CircuitPython 9.2.1 on 2024-11-20; ESP32-S3", "not-micropython"),
    "Arduino": (b"Sensor value: 512\r\nSensor value: 511\r\n", "not-micropython"),
    "one start": (REBOOT + b"hello from Arduino\r\n", "not-micropython"),
    "boot loop": (REBOOT * 3, "boot-loop"),
    "blank": (b"rst:0x10\r\ninvalid header: 0xffffffff\r\n" * 4, "no-firmware"),
    "in its loader": (b"boot:0x3 (DOWNLOAD_BOOT)\r\nwaiting for download\r\n", "in-loader"),
    "no supply": (b"Brownout detector was triggered\r\n" + REBOOT * 4, "brownout"),
    "busy": (b"MicroPython v1.26.0 on 2025-08-09; Generic ESP32\r\n", "no-repl"),
}


@pytest.mark.parametrize(("said", "word"), CASES.values(), ids=CASES)
def test_what_it_says_is_understood(said, word):
    found = diagnosis.of("/dev/ttyUSB0", said)
    assert (found.code, bool(found.advice)) == (word, True)
