"""The boot record: what runs, what is on trial and how starts ended (SPEC section 3).

boot.py reads and writes the same bytes with code of its own, for it may load nothing of ours.
"""

import struct
import sys
import time
from binascii import crc32

from device.errors import StorageFull

NONE = "-"  # no slot: golden, or no trial
TRIES = 3  # to bring the active's firmware back
CRASHES = 5  # of the active slot: then golden runs
NO_FIRMWARE = (b"", bytes(16))

_BYTES = 104
_REASON_BYTES = 24
_MAGIC = b"MPB1"
_FORMAT = "<4sI1s1s8BH8s16s8s16s24sI4s"
_COUNTERS = (
    "committing",
    "starts",
    "activations",
    "tries",
    "crashes",
    "spared",
    "wakes",
    "rounds",
    "watchdog_s",
)


def pack(sequence, fields):
    """Bytes of a record."""
    label, elf = fields["firmware"] or NO_FIRMWARE
    trial_label, trial_elf = fields["expected"] or NO_FIRMWARE
    data = struct.pack(
        _FORMAT,
        _MAGIC,
        sequence,
        fields["active"].encode(),
        fields["trial"].encode(),
        *[fields[name] for name in _COUNTERS],
        label,
        elf,
        trial_label,
        trial_elf,
        fields["reason"].encode()[:_REASON_BYTES],
        fields["number"],
        b"",
    )
    return data + struct.pack("<I", crc32(data))


def unpack(data):
    """Sequence and fields of a record's bytes; None where they are not valid."""
    if len(data) < _BYTES or bytes(data[:4]) != _MAGIC:
        return None
    if struct.unpack_from("<I", data, _BYTES - 4)[0] != crc32(data[: _BYTES - 4]):
        return None
    values = struct.unpack_from(_FORMAT, data, 0)
    fields = dict(zip(_COUNTERS, values[4:13]))
    fields["active"] = values[2].decode()
    fields["trial"] = values[3].decode()
    fields["firmware"] = _identity(values[13], values[14])
    fields["expected"] = _identity(values[15], values[16])
    fields["reason"] = values[17].rstrip(b"\0").decode()
    fields["number"] = values[18]
    return values[1], fields


def blank():
    """Fields of a board that was never set up."""
    fields = dict.fromkeys(_COUNTERS, 0)  # type: dict[str, object]
    fields.update(active=NONE, trial=NONE, firmware=None, expected=None)
    fields.update(reason="", number=0, tries=TRIES)
    return fields


def running_slot(path):
    """Letter of the app slot that boot.py put on this sys.path, or "-" for golden."""
    for entry in path:
        if entry.startswith("/slots/"):
            return entry[7:8]
    return NONE


class BootRecord:
    """Two copies written in turn; its attributes are the fields of the newer valid one."""

    active: str
    trial: str
    committing: int
    starts: int
    activations: int
    tries: int
    crashes: int
    spared: int
    wakes: int
    rounds: int
    watchdog_s: int
    firmware: "tuple[bytes, bytes] | None"
    expected: "tuple[bytes, bytes] | None"
    reason: str
    number: int
    _sequence: int

    def __init__(self, folder="/state", path=None):
        self._folder = folder
        self.slot = running_slot(sys.path if path is None else path)  # what runs: a, b or -
        self.start_ms = time.ticks_ms()  # since when: this is made as the runtime starts
        self.load()

    def load(self):
        """Read both copies again."""
        best = None
        for half in (0, 1):
            found = self._read(half)
            if found and (best is None or found[0] > best[0]):
                best = found
        self.is_valid = best is not None
        self._sequence, self._fields = best or (0, blank())
        self._publish()

    @property
    def mode(self):
        """What runs: `trial`, `active` or `golden`."""
        if self.slot == NONE:
            return "golden"
        return "trial" if self.slot == self.trial else "active"

    @property
    def idle(self):
        """The app slot that neither runs nor is what the next start would run."""
        return "a" if "a" not in (self.active, self.slot) else "b"

    def change(self, **changes):
        """Write a record with these fields changed; the old one stays valid until the new one is.

        Raises:
            StorageFull: there was no room even for that; nothing was changed.
        """
        fields = dict(self._fields)
        fields.update(changes)
        sequence = self._sequence + 1
        try:
            with open(self._path(sequence & 1), "wb") as f:
                f.write(pack(sequence, fields))
        except OSError as e:
            raise StorageFull("storage-full", "boot record", e.errno)
        self._sequence, self._fields, self.is_valid = sequence, fields, True
        self._publish()

    # Each of these verbs is one write, so a cut leaves the state before or after it.

    def fail(self, reason):
        """End the trial, saying why."""
        self.change(trial=NONE, committing=0, reason=reason)

    def retry_active(self):
        """Golden starts the active slot and its firmware again; one more crash brings it back."""
        crashes = min(self.crashes, CRASHES - 1)
        self.change(crashes=crashes, tries=TRIES, rounds=min(self.rounds + 1, 255))

    def _publish(self):
        for name in self._fields:
            setattr(self, name, self._fields[name])

    def _read(self, half):
        try:
            with open(self._path(half), "rb") as f:
                return unpack(f.read(_BYTES))
        except (OSError, UnicodeError):
            return None

    def _path(self, half):
        return "%s/boot%d" % (self._folder, half)


def _identity(label, elf):
    label = label.rstrip(b"\0")
    return (label, elf) if label else None
