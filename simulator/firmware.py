"""The firmware slots of a virtual board: what the bootloader starts, and what esp32.Partition may
change about it.
"""

from simulator import bootloader, image, otadata, partitions

NOT_FOUND = (-261, "ESP_ERR_NOT_FOUND")
VALIDATE_FAILED = (-5379, "ESP_ERR_OTA_VALIDATE_FAILED")
NO_RECORD = (-1, "ESP_FAIL")
_NO_BOOTLOADER = b"invalid header: 0xffffffff"
_NO_TABLE = b"Failed to verify partition table"
_NO_IMAGE = b"No bootable app partitions in the partition table"
_BOOTLOADER = 0x1000
_RAM = 0x3FFF0030  # where an ESP32 loads its bootloader's data
_WITHOUT = b"without rollback"  # said in the bytes of such a bootloader


class Firmware:
    """Two slots and otadata on `flash`."""

    def __init__(self, flash):
        self._flash = flash
        self.running = None
        self.behaviour = ""  # of the image that runs
        self.complaint = b""  # of the ROM or the bootloader, if nothing runs
        self.read_table()

    def start(self):
        """What happens after every reset but a soft one: True if a slot was found to run."""
        self.running = None if self.complaint else self._choose()
        self.behaviour = self.image_of(self.running).behaviour if self.running else ""
        return self.running is not None

    def read_table(self):
        """Look at the flash again: it may have been written from outside."""
        self.complaint = b""
        if self._flash.read(_BOOTLOADER, 1)[0] != image.MAGIC:
            self.complaint = _NO_BOOTLOADER
        found = self._found_table()
        if not found:
            self.complaint = self.complaint or _NO_TABLE
        self.partitions = partitions.with_file_system(found, self._flash.size)
        self._slots = partitions.firmware_slots(found)
        self._otadata = partitions.otadata(found)

    def _found_table(self):
        """The partitions in flash; none where there is no table, or one for a larger flash."""
        table = self._flash.read(partitions.TABLE_OFFSET, partitions.TABLE_SIZE)
        try:
            found = partitions.decode(table)
        except ValueError:
            return ()
        return found if all(p.offset + p.size <= self._flash.size for p in found) else ()

    def _choose(self):
        before = self._entries()
        has_rollback = _WITHOUT not in self._flash.read(_BOOTLOADER, 256)
        images = [self._is_whole(slot) for slot in self._slots]
        is_blank = bool(self._otadata) and otadata.has_blanks(self._flash, self._otadata.offset)
        choice = bootloader.choose(before, images, has_rollback, is_blank)
        for n, (old, new) in enumerate(zip(before, choice.entries, strict=True)):
            if new != old:
                otadata.write(self._flash, self._otadata.offset, n, new)
        if choice.slot is None:
            self.complaint = _NO_IMAGE
            return None
        return self._slots[choice.slot].label

    def _entries(self):
        if self._otadata is None:
            return None, None
        return tuple(otadata.read(self._flash, self._otadata.offset))

    def boot_label(self):
        """The slot that would start next."""
        entries = self._entries()
        n = bootloader.active(entries)
        return self._slots[
            0 if n is None else bootloader.slot_of(entries[n], len(self._slots))
        ].label

    def set_boot(self, label):
        """Let this slot start next.

        Raises: OSError if it holds no whole image, or the board has no otadata; nothing is changed
        then.
        """
        if self._otadata is None:
            raise OSError(*NOT_FOUND)
        slot = next((n for n, s in enumerate(self._slots) if s.label == label), None)
        if slot is None or not self._is_whole(self._slots[slot]):
            raise OSError(*VALIDATE_FAILED)
        change = bootloader.select(self._entries(), slot, len(self._slots))
        otadata.write(self._flash, self._otadata.offset, *change)

    def confirm(self):
        """The running firmware works: cancel the rollback. Does nothing if it is confirmed
        already.
        """
        if self._otadata is None:
            raise OSError(*NOT_FOUND)
        try:
            change = bootloader.confirm(self._entries())
        except LookupError:
            raise OSError(*NO_RECORD) from None
        if change:
            otadata.write(self._flash, self._otadata.offset, *change)

    def image_of(self, label):
        """The image in this slot.

        Raises: image.ImageError.
        """
        slot = partitions.find(self.partitions, label)
        return image.parse(self._flash.read(slot.offset, slot.size))

    def _is_whole(self, slot):
        try:
            return bool(image.parse(self._flash.read(slot.offset, slot.size)))
        except image.ImageError:
            return False


def prepare(flash, firmware, has_rollback=True, layout=partitions.LAYOUT):
    """Put bootloader, partition table and bare firmware on a blank flash, as esptool would; a
    flash that has them is left alone, and so is one that is to have no layout.
    """
    if not layout or flash.read(partitions.TABLE_OFFSET, 2) != b"\xff\xff":
        return
    kind = b"with rollback" if has_rollback else _WITHOUT
    told = b"simulator/bootloader.py decides, " + kind
    flash.program(_BOOTLOADER, image.assemble([(_RAM, told.ljust(64, b"\0"))]))
    flash.program(partitions.firmware_slots(layout)[0].offset, firmware)
    flash.program(partitions.TABLE_OFFSET, partitions.encode(layout))
    flash.operations = 0
