"""The flash as the chip's software reaches it; the file system lies on it by FileSystemDevice."""

import struct
import _board

_SECTOR = 4096
_PROGRAM, _ERASE = b"P"[0], b"E"[0]
_HEAD = 6  # kind, sequence, offset
_file = None  # reads go straight to the flash file, the board is asked to write
_line = None
_sequence = 0
_answer = bytearray(2)  # 0 or 1 (refused), sequence
_erase = bytearray(_HEAD)
_programs = {}  # by size of their data: (message, how to fill it)


def begin(path):
    """Meet the flash."""
    global _file, _line
    _file = open(path, "rb")
    _line = _board.connect()
    _board.call("flash_line", _line.fileno())
    _erase[0] = _ERASE
    for size in (32, 64, 96, 128):  # those of the file system
        prepare(size)


def prepare(size):
    """Make ready to program pieces of this size, once for all of them."""
    if size in _programs:
        return
    message = bytearray(_HEAD + size)
    message[0] = _PROGRAM
    _programs[size] = (message, "<I%ds" % size)


# The file system's C code calls what follows. On an ESP32 all of it is C, and neither Ctrl-C nor a
# callback nor a garbage collection (which may close a forgotten file, and so call again) can come
# in between: it would not survive that. So here nothing allocates and nothing branches, for the
# interpreter looks for interrupts where it jumps; nor does the board wake the chip while it waits
# on `_line`. Choices are made by indexing.


def read(offset, buf):
    """The bytes at an offset of the chip."""
    _file.seek(offset)
    _file.readinto(buf)


def program(offset, buf):
    """Program a piece whose size was prepared."""
    message, fill = _programs[len(buf)]
    struct.pack_into(fill, message, 2, offset, buf)
    _order(message)


def erase_sector(offset):
    """Erase the sector at an offset of the chip."""
    struct.pack_into("<I", _erase, 2, offset)
    _order(_erase)


def _order(message):
    global _sequence
    _sequence = (_sequence + 1) & 0xFF
    message[1] = _sequence
    _line.send(message)
    _line.readinto(_answer)
    _CATCH_UP[_answer[1] != _sequence]()
    _OUTCOMES[_answer[0]]()


def _nothing(*_):
    return None


def _catch_up():
    """A thread's garbage collection woke the chip after all, an interrupt came, and left its
    answer behind.
    """
    while _answer[1] != _sequence:
        _line.readinto(_answer)


def _refused():
    raise OSError(5, _board.call("flash_error"))


def _erase_block(device, block):
    erase_sector(device.offset + block * _SECTOR)
    return 0


_CATCH_UP = (_nothing, _catch_up)
_OUTCOMES = (_nothing, _refused)
_CONTROLS = (
    _nothing,
    lambda device, _: 0,
    lambda device, _: 0,
    lambda device, _: 0,
    lambda device, _: device.size // _SECTOR,
    lambda device, _: _SECTOR,
    _erase_block,
)


class FileSystemDevice:
    """The partition the file system is in, as its C code sees it."""

    def __init__(self, partition):
        self.offset, self.size = partition.info()[2:4]

    def readblocks(self, block, buf, offset=0):
        read(self.offset + block * _SECTOR + offset, buf)

    def writeblocks(self, block, buf, offset):
        program(self.offset + block * _SECTOR + offset, buf)

    def ioctl(self, op, arg):
        return _CONTROLS[op](self, arg)
