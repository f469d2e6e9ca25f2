"""The firmware partition that does not run: an image staged block by block, sealed, checked.

Loaded for a release that brings firmware only.
"""

import struct
from binascii import unhexlify

from micropython import const

from device.errors import Damaged, Refused
from device.update.firmware import identify, partition

_BLOCK = const(4096)  # erased as one
_ELF_OFFSET = const(176)  # app_elf_sha256 in the app descriptor at 32
_ELF_BYTES = const(16)  # of its 32: enough to tell images apart
_MAGIC = const(0xE9)
_HEADER_BYTES = const(24)
_CHIP_OFFSET = const(12)  # u16
_HASH_OFFSET = const(23)  # whether a hash follows the checksum
_HASH_BYTES = const(32)
_OTADATA = const(0)  # subtype of the partition of the bootloader's two records
_STATE_OFFSET = const(24)
_BY_ROLLBACK = (1, 4)  # PENDING_VERIFY, ABORTED: only a bootloader with rollback writes them
_PART = "/firmware.part"  # how far the image is: its hash, its bytes in flash
_INDEX = ".index"
_ADVICE = "deploy this board again over USB"


def has_rollback():
    """Whether otadata shows that the bootloader gives up what did not confirm itself."""
    record = bytearray(_STATE_OFFSET + 4)
    for otadata in _otadata():
        for sector in (0, 1):
            otadata.readblocks(sector, record)
            if struct.unpack_from("<I", record, _STATE_OFFSET)[0] in _BY_ROLLBACK:
                return True
    return False


class FirmwareSlot:
    """The partition that does not run, for an image of a manifest; notes are kept in `folder`.

    Raises:
        Refused: `no-ota`, with advice.
    """

    def __init__(self, image, folder):
        self._image = image
        try:
            runs = partition()
            self._partition = runs.get_next_update()
        except (ImportError, AttributeError, OSError):
            raise Refused("no-ota", "no second firmware partition:", _ADVICE)
        _check_table(runs.info(), self._partition.info())
        self._runs = runs
        self._chip = _read(runs, _CHIP_OFFSET, 2)
        self._elf = unhexlify(image["elf"])
        self._part = _Part(self._partition, image, folder + _PART, self._check_head)
        self.identity = (self._partition.info()[4].encode(), self._elf)

    def check(self, is_known_to_roll_back):
        """Refuse what could not be undone, or is too large, before anything is written."""
        if not is_known_to_roll_back and not has_rollback():
            raise Refused("no-rollback", "the bootloader is not known to undo:", _ADVICE)
        room = self._partition.info()[3]
        if self._image["size"] > room:
            raise Refused("no-space", "firmware", self._image["size"], room)

    async def stage(self, download):
        """Fill the partition; what of the image is there already does not travel.

        Raises:
            Refused: `bad-image` or `wrong-chip`, before the first block is written.
            Damaged, NetworkError, HttpError, OSError: what is staged so far is kept.
        """
        size, digest = self._image["size"], self._image["sha256"]
        download.begin(size)
        is_here = self._part.size() in (None, size) and identify(self._partition)[1] == self._elf
        if is_here and await download.holds(self._part, size, digest):
            download.resumed += size
            download.done += size
            return
        source = _Source(self._runs)
        await download.fetch("/blobs/" + digest, digest, size, self._part, source)

    async def seal(self, download):
        """Read every byte back. Raises Damaged, or Refused where the image itself is no good."""
        size = self._image["size"]
        if not await download.holds(self._part, size, self._image["sha256"]):
            self._part.forget()
            raise Damaged("hash-mismatch", "firmware")
        self._check_head(_read(self._partition, 0, _ELF_OFFSET + _ELF_BYTES))
        end = _end(self._partition, size)
        if end != size:
            raise Refused("bad-image", "ends at", end, "of", size)

    def _check_head(self, head):
        if head[0] != _MAGIC:
            raise Refused("bad-image", "magic", head[0])
        if bytes(head[_CHIP_OFFSET : _CHIP_OFFSET + 2]) != self._chip:
            raise Refused("wrong-chip", head[_CHIP_OFFSET], self._chip[0])
        if bytes(head[_ELF_OFFSET : _ELF_OFFSET + _ELF_BYTES]) != self._elf:
            raise Refused("bad-image", "is not the one that the manifest names")


class _Part:
    """An image on its way into its partition, as app_slot.FilePart is for a file.

    Only whole blocks are written, so what is noted is a multiple of a block, or all.
    """

    def __init__(self, partition, image, path, check_head):
        self._partition = partition
        self._size = image["size"]
        self._digest = image["sha256"]
        self._path = path
        self._check_head = check_head
        self.index = path + _INDEX

    def size(self):
        try:
            with open(self._path) as f:
                digest, done = f.read().split()
            return int(done) if digest == self._digest else None
        except (OSError, ValueError):
            return None

    def reader(self):
        return _Reader(self._partition)

    def writer(self, offset):
        return _Writer(self, offset)

    def forget(self):
        self.note(0)

    def put(self, at, block):
        """One block into flash."""
        if not at:
            self._check_head(block)
        self._partition.writeblocks(at // _BLOCK, block)

    def note(self, done):
        """So much is in flash."""
        with open(self._path, "w") as f:
            f.write("%s %d" % (self._digest, min(done, self._size)))

    def is_end(self, at):
        return at == self._size


class _Source:
    """The image that runs, for the next one to be made from.

    Its size and hash are those of its bytes: no manifest says for sure what runs, and of a
    firmware that came over USB, or with an older release, there is none.
    """

    def __init__(self, partition):
        self._partition = partition
        room = partition.info()[3]
        self.size = min(_end(partition, room), room)

    def reader(self):
        return _Reader(self._partition)

    def read(self, at, view):
        self._partition.readblocks(0, view, at)


class _Reader:
    def __init__(self, partition):
        self._partition = partition
        self._at = 0

    def readinto(self, view):
        self._partition.readblocks(0, view, self._at)
        self._at += len(view)
        return len(view)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class _Writer:
    """Collects what comes until it is a block; whole blocks pass through."""

    def __init__(self, part, offset):
        self._part = part
        self._at = self._noted = offset
        self._block = None  # made when something shorter than a block comes
        self._fill = 0

    def write(self, view):
        if not self._fill and len(view) == _BLOCK:
            self._put(view)
            return
        if self._block is None:
            self._block = memoryview(bytearray(_BLOCK))
        while view:
            n = min(_BLOCK - self._fill, len(view))
            self._block[self._fill : self._fill + n] = view[:n]
            self._fill += n
            if self._fill == _BLOCK:
                self._put(self._block)
            view = view[n:]

    def flush(self):
        """What was written is noted: it outlives a power cut."""
        if self._fill and self._part.is_end(self._at + self._fill):
            for i in range(self._fill, _BLOCK):
                self._block[i] = 0xFF
            self._put(self._block)
        if self._at > self._noted:
            self._part.note(self._at)
            self._noted = self._at

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.flush()

    def _put(self, block):
        self._fill = 0
        self._part.put(self._at, block)
        self._at += _BLOCK


def _read(partition, offset, size):
    found = bytearray(size)
    partition.readblocks(0, found, offset)
    return bytes(found)


def _otadata():
    from esp32 import Partition

    return Partition.find(Partition.TYPE_DATA, _OTADATA)


def _check_table(runs, idle):
    """Two firmware partitions that do not touch each other, and otadata, or no update."""
    if not runs[4].startswith("ota_") or not idle[4].startswith("ota_") or runs[4] == idle[4]:
        raise Refused("no-ota", runs[4], "is the only firmware partition:", _ADVICE)
    if not _otadata():
        raise Refused("no-ota", "no partition otadata, which says what starts:", _ADVICE)
    if idle[2] < runs[2] + runs[3] and runs[2] < idle[2] + idle[3]:
        raise Refused("no-ota", runs[4], "and", idle[4], "overlap:", _ADVICE)


def _end(partition, size):
    """Where the image ends by its own account; beyond `size` where it is cut short."""
    head = _read(partition, 0, _HEADER_BYTES)
    at = _HEADER_BYTES
    for _ in range(head[1]):
        if at + 8 > size:
            break
        at += 8 + struct.unpack("<I", _read(partition, at + 4, 4))[0]
    at += 16 - at % 16  # padded, its last byte the checksum
    return at + _HASH_BYTES * (head[_HASH_OFFSET] == 1)
