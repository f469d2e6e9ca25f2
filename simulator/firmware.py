"""The firmware slots of a virtual board: what the bootloader starts, and what esp32.Partition may
change about it.
"""

from simulator import bootloader, image, otadata, partitions

VALIDATE_FAILED = (-5379, "ESP_ERR_OTA_VALIDATE_FAILED")
NO_RECORD = (-1, "ESP_FAIL")


class Firmware:
    """Two slots and otadata on `flash`."""

    def __init__(self, flash):
        self._flash = flash
        self.partitions = partitions.decode(flash.read(partitions.TABLE_OFFSET, 0xC00))
        self._slots = partitions.firmware_slots(self.partitions)
        self._otadata = partitions.find(self.partitions, "otadata").offset
        self.running = None

    def start(self):
        """What happens after every reset but a soft one: True if a slot was found to run."""
        before = otadata.read(self._flash, self._otadata)
        choice = bootloader.choose(before, [self._is_whole(slot) for slot in self._slots])
        for n, (old, new) in enumerate(zip(before, choice.entries, strict=True)):
            if new != old:
                otadata.write(self._flash, self._otadata, n, new)
        self.running = None if choice.slot is None else self._slots[choice.slot].label
        return self.running is not None

    def boot_label(self):
        """The slot that would start next."""
        entries = otadata.read(self._flash, self._otadata)
        n = bootloader.active(entries)
        return self._slots[
            0 if n is None else bootloader.slot_of(entries[n], len(self._slots))
        ].label

    def set_boot(self, label):
        """Let this slot start next.

        Raises: OSError if it holds no whole image; nothing is changed then.
        """
        slot = next((n for n, s in enumerate(self._slots) if s.label == label), None)
        if slot is None or not self._is_whole(self._slots[slot]):
            raise OSError(*VALIDATE_FAILED)
        entries = otadata.read(self._flash, self._otadata)
        otadata.write(
            self._flash, self._otadata, *bootloader.select(entries, slot, len(self._slots))
        )

    def confirm(self):
        """The running firmware works: cancel the rollback. Does nothing if it is confirmed
        already.
        """
        try:
            change = bootloader.confirm(otadata.read(self._flash, self._otadata))
        except LookupError:
            raise OSError(*NO_RECORD) from None
        if change:
            otadata.write(self._flash, self._otadata, *change)

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


def prepare(flash, firmware):
    """Put partition table and bare firmware on a blank flash, as esptool would; a flash that has
    them is left alone.
    """
    if flash.read(partitions.TABLE_OFFSET, 2) != b"\xff\xff":
        return
    flash.program(
        0x1000, b"\xe9bootloader of a virtual board: what it decides is in simulator/bootloader.py"
    )
    slot = partitions.find(partitions.LAYOUT, "ota_0")
    flash.program(slot.offset, firmware)
    flash.program(partitions.TABLE_OFFSET, partitions.encode(partitions.LAYOUT))
    flash.operations = 0
