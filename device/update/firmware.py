"""The firmware of this board: which one runs, may stay, boots next; and app and firmware as one.

With boot.py and firmware_slot.py the only user of esp32.Partition; a board without it has one
firmware for ever. A firmware is its partition's label and its image's hash, (bytes, bytes).
"""

from binascii import hexlify

from micropython import const

_ERASE = const(6)  # of ioctl
_ELF_OFFSET = const(176)  # app_elf_sha256 in the app descriptor at 32
_ELF_BYTES = const(16)  # of its 32: enough to tell images apart


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


class Parts:
    """The parts of a release on their way: app always, firmware if another runs.

    Both are staged and sealed before either is set on trial, so they change together or not at
    all. `slot` is the idle app slot, `active` the one that stays, `firmware` what this file has.
    """

    def __init__(self, manifest, image, slot, active, firmware):
        self._files = slot.pack(manifest["parts"]["app"]["files"])
        self._slot = slot
        self._active = active
        self._image = None
        self.expected = firmware.running()  # what the trial must run on
        if image and not (self.expected and image["elf"] == hex_elf(self.expected)):
            self._image = firmware.open_slot(image, slot.folder)
            self.expected = self._image.identity

    @property
    def has_firmware(self):
        """Whether an image comes with it."""
        return self._image is not None

    def check(self, plan, needed, has_rollback):
        """Whether the parts fit. Raises Refused, StorageFull."""
        if self._image:
            self._image.check(has_rollback)
        self._slot.check_room(plan, needed, self._active)

    async def stage(self, download, abi):
        """Fill both slots. The image first: the app's slot then drops what was noted of it."""
        download.resumed = 0
        download.done = download.total = 0
        self._slot.unseal()
        if self._image:
            await self._image.stage(download)
        await self._slot.stage(self._files, self._active, download, abi)

    async def seal(self, download):
        """Read every byte of both back."""
        if self._image:
            await self._image.seal(download)
        await self._slot.seal(self._files, download)
