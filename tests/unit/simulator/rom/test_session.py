"""What the ROM answers in download mode."""

import hashlib
import struct
import zlib

import pytest

from simulator.flash import SECTOR, Flash, PowerCut
from simulator.rom import packets, slip
from simulator.rom.chips import CHIPS
from simulator.rom.registers import MAGIC_ADDRESS, Registers
from simulator.rom.session import Session

MAC = bytes.fromhex("246f28000001")
OFFSET = 0x10000
BLOCK = 1024
CONTENT = bytes(range(256)) * 10


@pytest.fixture
def flash(tmp_path):
    flash = Flash(tmp_path / "flash.bin")
    yield flash
    flash.close()


@pytest.fixture
def ask(flash):
    """Sends a command and gives (reason, value, body) of its answer."""
    return asker(session_of(flash))


def session_of(flash, name="ESP32"):
    chip = CHIPS[name]
    return Session(chip, Registers(chip, MAC, False, flash.size), flash)


def asker(session):
    def ask(command, *words, content=b"", checksum=0):
        body = struct.pack(f"<{len(words)}I", *words) + content
        sent = struct.pack("<BBHI", 0, command, len(body), checksum) + body
        answer = slip.Reader().feed(session.feed(slip.encode(sent)))[0]
        *_, value = struct.unpack_from("<BBHI", answer)
        return answer[-3], value, answer[8:-4]

    return ask


def send(ask, command, sequence, content):
    checksum = 0xEF
    for byte in content:
        checksum ^= byte
    return ask(command, len(content), sequence, 0, 0, content=content, checksum=checksum)[0]


def blocks(content):
    return [content[n : n + BLOCK] for n in range(0, len(content), BLOCK)]


def write(ask, begin, data, content):
    """The reasons of every answer while CONTENT is written, which travels as `content`."""
    pieces = blocks(content)
    first = ask(begin, len(CONTENT), len(pieces), BLOCK, OFFSET)[0]
    return [first, *(send(ask, data, n, piece) for n, piece in enumerate(pieces))]


def test_sync_is_answered_eight_times_with_a_value(flash):
    sync = struct.pack("<BBHI", 0, packets.SYNC, 36, 0) + b"\x07\x07\x12\x20" + b"\x55" * 32
    answers = slip.Reader().feed(session_of(flash).feed(slip.encode(sync)))
    # A value of 0 would be esptool's own loader.
    assert (len(answers), answers[0][4:8] != bytes(4)) == (8, True)


def test_typing_is_not_answered(flash):
    assert session_of(flash).feed(b"\r\x03\x03print(1)\r") == b""


@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_is_known_by_its_magic(flash, name):
    ask = asker(session_of(flash, name))
    assert ask(packets.READ_REG, MAGIC_ADDRESS)[1] == CHIPS[name].magic


def test_a_command_that_the_rom_does_not_have_is_an_invalid_message(ask):
    assert ask(packets.SECURITY_INFO)[0] == packets.INVALID_MESSAGE


def test_a_newer_chip_tells_its_number(flash):
    body = asker(session_of(flash, "ESP32-S3"))(packets.SECURITY_INFO)[2]
    assert struct.unpack("<I8xII", body)[1] == 9


def test_a_register_keeps_the_bits_outside_the_mask(ask):
    ask(packets.WRITE_REG, 0x3FF44000, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    ask(packets.WRITE_REG, 0x3FF44000, 0, 0x0000FF00, 0)
    assert ask(packets.READ_REG, 0x3FF44000)[1] == 0xFFFF00FF


@pytest.mark.parametrize("body", (b"", b"\0" * 15), ids=("empty", "short"))
def test_a_cut_write_of_registers_is_an_invalid_message(ask, body):
    assert ask(packets.WRITE_REG, content=body)[0] == packets.INVALID_MESSAGE


def test_code_for_the_ram_is_refused(ask):
    assert ask(packets.MEM_BEGIN, 1024, 1, 1024, 0x40080000)[0] == packets.FAILED_TO_ACT


def test_flash_is_read_in_answers_of_one_size(ask, flash):
    flash.program(0x8000, b"table")
    assert ask(packets.READ_FLASH, 0x8000, 5)[2] == b"table".ljust(64, b"\0")


@pytest.mark.parametrize(
    ("offset", "size", "reason"),
    ((0, 65, packets.TOO_MUCH), (4 * 1024 * 1024, 1, packets.READ_FAILED)),
    ids=("too much", "beyond the chip"),
)
def test_a_read_that_cannot_be_says_why(ask, offset, size, reason):
    assert ask(packets.READ_FLASH, offset, size)[0] == reason


def test_flash_is_hashed(ask, flash):
    flash.program(OFFSET, CONTENT)
    expected = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    assert ask(packets.FLASH_MD5, OFFSET, len(CONTENT), 0, 0)[2].decode() == expected


def test_what_is_written_replaces_what_was_there(ask, flash):
    flash.program(OFFSET, b"\0" * SECTOR)
    assert write(ask, packets.FLASH_BEGIN, packets.FLASH_DATA, CONTENT) == [0, 0, 0, 0]
    assert flash.read(OFFSET, len(CONTENT)) == CONTENT


def test_deflated_blocks_are_written_inflated(ask, flash):
    content = zlib.compress(CONTENT)
    assert set(write(ask, packets.DEFLATED_BEGIN, packets.DEFLATED_DATA, content)) == {0}
    assert flash.read(OFFSET, len(CONTENT)) == CONTENT


def test_a_deflated_block_sent_again_is_not_written_twice(ask, flash):
    ask(packets.DEFLATED_BEGIN, len(CONTENT), 1, BLOCK, OFFSET)
    for _ in range(2):
        assert send(ask, packets.DEFLATED_DATA, 0, zlib.compress(CONTENT)) == 0
    assert flash.read(OFFSET + len(CONTENT), 16) == b"\xff" * 16


@pytest.mark.parametrize(
    ("sequence", "content", "reason"),
    ((0, b"\xaa" * 20, packets.INFLATE_FAILED), (1, zlib.compress(b"x"), packets.FAILED_TO_ACT)),
    ids=("garbage", "one is missing"),
)
def test_a_wrong_deflated_block_says_why(ask, sequence, content, reason):
    ask(packets.DEFLATED_BEGIN, len(CONTENT), 1, BLOCK, OFFSET)
    assert send(ask, packets.DEFLATED_DATA, sequence, content) == reason


def test_more_than_was_erased_is_refused_as_flash_refuses_it(ask, flash):
    flash.program(OFFSET, b"\0" * 2 * SECTOR)
    ask(packets.FLASH_BEGIN, 100, 1, 5000, OFFSET)
    assert send(ask, packets.FLASH_DATA, 0, b"\xff" * 5000) == packets.WRITE_FAILED


@pytest.mark.parametrize(
    ("size", "offset"),
    ((100, OFFSET + 1), (100, 4 * 1024 * 1024), (2**31, 0)),
    ids=("not a sector", "beyond the chip", "larger than the chip"),
)
def test_a_place_that_cannot_be_erased_changes_nothing(ask, flash, size, offset):
    assert ask(packets.FLASH_BEGIN, size, 1, BLOCK, offset)[0] == packets.FAILED_TO_ACT
    assert flash.operations == 0


def test_a_block_without_a_beginning_is_refused(ask):
    assert send(ask, packets.FLASH_DATA, 0, b"x") == packets.FAILED_TO_ACT


def test_the_end_of_writing_ends_the_session(flash):
    session = session_of(flash)
    asker(session)(packets.FLASH_END, 0)
    assert session.is_over


def test_the_power_can_go_at_any_block(ask, flash):
    flash.cut_power_at(2)
    with pytest.raises(PowerCut):
        write(ask, packets.FLASH_BEGIN, packets.FLASH_DATA, CONTENT)
