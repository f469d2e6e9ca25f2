"""Faults to plant in the device's code, that the suite has to catch. Runs in MicroPython."""

# It runs in MicroPython, in a test:
# ruff: noqa: RUF005

def trial_before_stage():
    """The boot record is written before the slot is filled."""
    from device.update import client

    stage = client.Client._stage

    async def early(self):
        parts = await self._open_parts()
        self._make_trial().begin(self._record.idle, self._journal["number"], parts.expected)
        await stage(self)

    client.Client._stage = early


def trust_what_is_there():
    """Files are fetched to their own names, what is there is taken for whole, seal sleeps."""
    from device.update import app_slot

    async def is_there(self, size, digest, download):
        return self.size() is not None

    async def stage(self, files, active, old, download, abi):
        await self._prune(files, download)
        for path, size, digest in files:
            if self._has(path):
                continue
            self._make_folders(path)
            part = app_slot.FilePart(self.folder + "/" + path)
            await download.fetch("/blobs/" + digest, digest, size, part)
        app_slot.os.rename(self.coming, self.release)

    async def seal(self, files, download):
        pass

    app_slot.FilePart.is_whole = is_there
    app_slot.AppSlot.stage = stage
    app_slot.AppSlot.seal = seal


def activate_after_a_cut():
    """What was staged when the power failed counts as all."""
    from device.update import steps

    steps.STEPS["stage"] = steps.STEPS["stage"][:4] + ("activate",)


def record_in_place():
    """The boot record has one copy, and half of it is flushed first."""
    from device.update import record

    def change(self, **changes):
        fields = dict(self._fields)
        fields.update(changes)
        data = record.pack(self._sequence + 2, fields)
        with open(self._path(self._sequence & 1), "wb") as f:
            f.write(data[:40])
            f.flush()
            f.write(data[40:])
        self.load()

    record.BootRecord.change = change


def valid_before_seal():
    """The firmware is marked valid, and the record says so, before it is tried or read back."""
    from device.update import client

    async def stage(self):
        parts = await self._open_parts()
        self._record.change(active=self._record.idle, firmware=parts.expected)
        await parts.stage(6, self._power)

    client.Client._stage = stage


def secret_anew():
    """A board that has not kept the answer to its registration makes another secret."""
    import os

    from device import identity

    keep = identity._secret

    def secret(nvs):
        if "state" not in os.listdir("/") or "registration.json" not in os.listdir("/state"):
            nvs.erase("secret")
        return keep(nvs)

    identity._secret = secret


def keep_in_place():
    """What is to be believed is written over what is believed."""
    from device.update import trust

    def keep(self, role):
        self._close()
        with open(self._fresh, "rb") as source, open(self._path(role), "wb") as f:
            f.write(source.read(200))
            f.flush()
            f.write(source.read())

    trust.Held.keep = keep


FAULTS = {
    "none": lambda: None,
    "trial-before-stage": trial_before_stage,
    "trust-what-is-there": trust_what_is_there,
    "activate-after-a-cut": activate_after_a_cut,
    "record-in-place": record_in_place,
    "valid-before-seal": valid_before_seal,
    "secret-anew": secret_anew,
    "keep-in-place": keep_in_place,
}
