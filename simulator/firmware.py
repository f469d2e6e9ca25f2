"""The firmware slots of a virtual board: what the bootloader starts, and what esp32.Partition may
change about it.
"""

from simulator import bootloader, image, otadata, partitions

VALIDATE_FAILED = (-5379, "ESP_ERR_OTA_VALIDATE_FAILED")
NO_RECORD = (-1, "ESP_FAIL")
_BOOTLOADER = 0x1000
_RAM = 0x3FFF0030  # where an ESP32 loads its bootloader's data
_WITHOUT = b"without rollback"  # said in the bytes of such a bootloader


class Firmware:
    """Two slots and otadata on `flash`."""

    def __init__(self, flash):
        self._flash = flash
        self.partitions = partitions.decode(flash.read(partitions.TABLE_OFFSET, 0xC00))
        self._slots = partitions.firmware_slots(self.partitions)
        self._otadata = partitions.find(self.partitions, "otadata").offset
        self.running = None
        self.behaviour = ""  # of the image that runs

    def start(self):
        """What happens after every reset but a soft one: True if a slot was found to run."""
        before = otadata.read(self._flash, self._otadata)
        has_rollback = _WITHOUT not in self._flash.read(_BOOTLOADER, 256)
        images = [self._is_whole(slot) for slot in self._slots]
        choice = bootloader.choose(before, images, has_rollback)
        for n, (old, new) in enumerate(zip(before, choice.entries, strict=True)):
            if new != old:
                otadata.write(self._flash, self._otadata, n, new)
        self.running = None if choice.slot is None else self._slots[choice.slot].label
        self.behaviour = self.image_of(self.running).behaviour if self.running else ""
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


def prepare(flash, firmware, has_rollback=True):
    """Put bootloader, partition table and bare firmware on a blank flash, as esptool would; a
    flash that has them is left alone.
    """
    if flash.read(partitions.TABLE_OFFSET, 2) != b"\xff\xff":
        return
    kind = b"with rollback" if has_rollback else _WITHOUT
    told = b"simulator/bootloader.py decides, " + kind
    flash.program(_BOOTLOADER, image.assemble([(_RAM, told.ljust(64, b"\0"))]))
    slot = partitions.find(partitions.LAYOUT, "ota_0")
    flash.program(slot.offset, firmware)
    flash.program(partitions.TABLE_OFFSET, partitions.encode(partitions.LAYOUT))
    flash.operations = 0
