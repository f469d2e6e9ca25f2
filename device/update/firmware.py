"""The firmware of this board: which one runs, may stay, boots next; and app and firmware as one.

With boot.py and firmware_slot.py the only user of esp32.Partition; a board without it has one
firmware for ever. A firmware is its partition's label and its image's hash, (bytes, bytes).
"""

import struct
from binascii import hexlify, unhexlify

from micropython import const

from device.errors import Refused

_ERASE = const(6)  # of ioctl
_ELF_OFFSET = const(176)  # app_elf_sha256 in the app descriptor at 32
_ELF_BYTES = const(16)  # of its 32: enough to tell images apart
_ENTRY = "<I32s"  # size and hash of a file, behind its path and the path's length
_ENTRY_BYTES = const(36)


def running():
    """The firmware that runs; None where nobody can tell."""
    try:
        return identify(partition())
    except (ImportError, AttributeError, OSError):
        return None


def confirm():
    """Tell the bootloader that the running firmware may stay; harmless where it knows."""
    try:
        from esp32 import Partition

        try:
            Partition.mark_app_valid_cancel_rollback()
        except OSError:  # both its records are ABORTED: nothing would lead back to this firmware
            partition().set_boot()
            Partition.mark_app_valid_cancel_rollback()
    except (ImportError, AttributeError, OSError):  # none to tell
        pass


def set_boot(firmware):
    """Boot this firmware at the next reset; False where that cannot be.

    What runs is confirmed first: the bootloader must have something to go back to.
    """
    confirm()
    try:
        from esp32 import Partition

        for one in Partition.find(Partition.TYPE_APP):
            if identify(one) == firmware:
                one.set_boot()
                return True
    except (ImportError, AttributeError, OSError):  # the image's own check failed
        pass
    return False


def discard(firmware):
    """Make sure that no bootloader starts this firmware again, which failed; never what runs."""
    try:
        from esp32 import Partition

        runs = partition().info()[4]
        for one in Partition.find(Partition.TYPE_APP):
            if identify(one) == firmware and one.info()[4] != runs:
                one.ioctl(_ERASE, 0)
    except (ImportError, AttributeError, OSError):
        pass


def partition():
    """The partition that runs."""
    from esp32 import Partition

    return Partition(Partition.RUNNING)  # type: ignore[arg-type] # the stub: labels only


def idle():
    """The firmware in the partition that does not run, by its own account."""
    return identify(partition().get_next_update())


def identify(one):
    """The firmware in a partition."""
    elf = bytearray(_ELF_BYTES)
    one.readblocks(0, elf, _ELF_OFFSET)
    return one.info()[4].encode(), bytes(elf)


def hex_elf(firmware):
    """A firmware's hash as manifests write it; None for none."""
    return hexlify(firmware[1]).decode() if firmware else None


def about(identity, number, assigned):
    """This board, as plan.judge() wants to know it; `number` is the highest committed."""
    return {
        "product": identity.product,
        "model": identity.model,
        "abi": identity.abi,
        "number": number,
        "assigned": assigned,
        "firmware": hex_elf(running()),
    }


def open_slot(image, folder):
    """The partition that does not run, for this image; loaded late, most releases bring none."""
    from device.update.firmware_slot import FirmwareSlot

    return FirmwareSlot(image, folder)


class Files:
    """What a release lists, (path, size, hash) each, packed: a third of what objects take."""

    def __init__(self, entries):
        packed = bytearray()
        for entry in entries:
            path, size, digest = entry[:3]
            name = path.encode()
            packed += bytes((len(name),)) + name + struct.pack(_ENTRY, size, unhexlify(digest))
        self._packed = packed

    def __iter__(self):
        for path, at in self._walk():
            size, digest = struct.unpack_from(_ENTRY, self._packed, at)
            yield path.decode(), size, hexlify(digest).decode()

    def find(self, path):
        """Size and hash of the file at this path; None where none is listed."""
        name = path.encode()
        for other, at in self._walk():
            if other == name:
                size, digest = struct.unpack_from(_ENTRY, self._packed, at)
                return size, hexlify(digest).decode()
        return None

    def paths(self, digest):
        """Paths of the files with a hash that begins so."""
        start = unhexlify(digest)
        for path, at in self._walk():
            if self._packed[at + 4 : at + 4 + len(start)] == start:
                yield path.decode()

    def _walk(self):
        packed, at = self._packed, 0
        while at < len(packed):
            end = at + 1 + packed[at]
            yield packed[at + 1 : end], end
            at = end + _ENTRY_BYTES


def read_manifest(plan, path):
    """The manifest that lies here, and the Files of its app part. Raises Refused, OSError."""
    with open(path, "rb") as f:
        manifest = plan.parse(f)
        return manifest, Files(plan.files(f, manifest))


def listed(plan, paths):
    """The Files of the first of these manifests that reads; none where none does."""
    for path in paths:
        try:
            return read_manifest(plan, path)[1]
        except (Refused, OSError):
            pass
    return Files(())


def unpack(slot, active):
    """The Files that come into a slot, and those of the active one."""
    from device.update import plan

    return read_manifest(plan, slot.manifest())[1], listed(plan, active.manifests())


class Parts:
    """The parts of a release on their way: app always, firmware if another runs.

    Both are staged and sealed before either is set on trial, so they change together or not at
    all. `open_slots()` opens the idle app slot and the active one, `start()` and `stop()` a
    download: what one part takes is dropped before the other, for both together do not fit.
    In `journal` is noted how often the image was staged, and how often sealing failed since.
    """

    def __init__(self, image, open_slots, start, stop, journal):
        self._image = None  # what open_slot() takes: its code is loaded for one step
        self._open_slots = open_slots
        self._start = start
        self._stop = stop
        self._journal = journal
        self.expected = running()  # what the trial must run on
        if image and not (self.expected and image["elf"] == hex_elf(self.expected)):
            self._image = image, open_slots()[0].folder
            self.expected = open_slot(*self._image).identity if self.lacks_image else idle()

    @property
    def lacks_image(self):
        """Whether one is to be staged yet: it never was, was found damaged, or is another now."""
        if not self._image:
            return False
        is_noted = self._journal["image"] > self._journal["seals"]
        return not (is_noted and hex_elf(idle()) == self._image[0]["elf"])

    def check(self, plan, files, manifest_bytes, has_rollback):
        """Whether the parts fit. Raises Refused, StorageFull."""
        if self._image:
            open_slot(*self._image).check(has_rollback)
        slot, active = self._open_slots()
        slot.check_room(plan, plan.need(files, manifest_bytes), active)

    async def stage(self, abi, power):
        """Fill both. In update mode the app's slot in a start of its own, as its heap is whole."""
        self._open_slots()[0].unseal()
        if self.lacks_image:
            self._stop()
            await open_slot(*self._image).stage(self._start())
            self._stop()
            # noted apart, for the app's slot drops what was noted of its blocks
            self._journal.write(image=self._journal["seals"] + 1)
            if power.is_alone:
                await power.renew()
        slot, active = self._open_slots()
        files, old = unpack(slot, active)
        await slot.stage(files, active, old, self._start(), abi)

    async def seal(self):
        """Read every byte of both back."""
        if self._image:
            await open_slot(*self._image).seal(self._start())
            self._stop()
        slot, active = self._open_slots()
        files, _ = unpack(slot, active)
        await slot.seal(files, self._start())
