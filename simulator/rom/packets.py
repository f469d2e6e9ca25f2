"""The commands of the ROM's serial protocol and their answers, as bytes: pure."""

import functools
import operator
import struct
from typing import NamedTuple

FLASH_BEGIN, FLASH_DATA, FLASH_END = 0x02, 0x03, 0x04
MEM_BEGIN, MEM_END, MEM_DATA = 0x05, 0x06, 0x07
SYNC, WRITE_REG, READ_REG = 0x08, 0x09, 0x0A
SPI_SET_PARAMS, SPI_ATTACH, READ_FLASH, CHANGE_BAUDRATE = 0x0B, 0x0D, 0x0E, 0x0F
DEFLATED_BEGIN, DEFLATED_DATA, DEFLATED_END = 0x10, 0x11, 0x12
FLASH_MD5, SECURITY_INFO = 0x13, 0x14

# Reasons in the status of an answer.
INVALID_MESSAGE, FAILED_TO_ACT, WRONG_CHECKSUM = 0x05, 0x06, 0x07
WRITE_FAILED, READ_FAILED, TOO_MUCH, INFLATE_FAILED = 0x08, 0x09, 0x0A, 0x0B

_HEAD = struct.Struct("<BBHI")
_REQUEST, _ANSWER = 0, 1
_CHECKSUM_SEED = 0xEF
_BLOCK_HEAD = struct.Struct("<IIII")  # length, sequence, two unused


class RomError(Exception):
    """A command failed; `reason` goes into the status of its answer."""

    def __init__(self, reason):
        super().__init__(f"reason {reason:#04x}")
        self.reason = reason


class Request(NamedTuple):
    """One command."""

    command: int
    checksum: int
    body: bytes


class Block(NamedTuple):
    """A piece of what is to be written, in a request's body."""

    sequence: int
    content: bytes


def parse(packet):
    """The request in a packet, or None if there is none: the ROM does not answer noise."""
    if len(packet) < _HEAD.size:
        return None
    kind, command, size, checksum = _HEAD.unpack_from(packet)
    if kind != _REQUEST or size != len(packet) - _HEAD.size:
        return None
    return Request(command, checksum, packet[_HEAD.size :])


def words(body, count):
    """The first words of a body.

    Raises: RomError if there are fewer.
    """
    if len(body) < 4 * count:
        raise RomError(INVALID_MESSAGE)
    return struct.unpack_from(f"<{count}I", body)


def block(request):
    """The block that a request brings.

    Raises: RomError if it is cut short or its checksum is wrong.
    """
    length, sequence, *_ = words(request.body, 4)
    content = request.body[_BLOCK_HEAD.size :]
    if length != len(content):
        raise RomError(INVALID_MESSAGE)
    if functools.reduce(operator.xor, content, _CHECKSUM_SEED) != request.checksum & 0xFF:
        raise RomError(WRONG_CHECKSUM)
    return Block(sequence, content)


def answer(command, status_size, value=0, content=b"", reason=0):
    """The answer to a command; with a reason it says that the command failed."""
    status = bytes((1 if reason else 0, reason)).ljust(status_size, b"\0")
    body = content + status
    return _HEAD.pack(_ANSWER, command, len(body), value) + body
