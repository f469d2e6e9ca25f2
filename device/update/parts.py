"""The parts of a release on their way into the idle slots: app always, firmware if it differs.

Both are staged and sealed before either is set on trial, so they change together or not at all.
"""

from binascii import hexlify


class Parts:
    """`slot` is the idle app slot, `active` the one that stays; `firmware` is firmware_slot."""

    def __init__(self, manifest, image, slot, active, firmware):
        self._files = manifest["parts"]["app"]["files"]
        self._slot = slot
        self._active = active
        self._image = None
        self.expected = firmware.running()  # what the trial must run on
        if image and not (self.expected and image["elf"] == hex_elf(self.expected)):
            self._image = firmware.FirmwareSlot(image, slot.folder)
            self.expected = self._image.identity

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
        sources = self._active.sources({f[2] for f in self._files})
        await self._slot.stage(self._files, sources, download, abi)

    async def seal(self, download):
        """Read every byte of both back."""
        if self._image:
            await self._image.seal(download)
        await self._slot.seal(self._files, download)


def hex_elf(firmware):
    """A firmware's hash as manifests write it; None for none."""
    return hexlify(firmware[1]).decode() if firmware else None
