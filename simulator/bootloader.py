"""What an ESP32's bootloader decides, with rollback or without: pure, from otadata's two records
to the slot that starts.
"""

from collections import namedtuple

from simulator.otadata import ABORTED, INVALID, NEW, PENDING_VERIFY, VALID, Entry

# The slot to start (None: nothing on this board can run) and the records as they are to be in
# flash then.
Choice = namedtuple("Choice", ("slot", "entries"))


def slot_of(entry, slots):
    """The slot a record points at."""
    return (entry.sequence - 1 & 0xFFFFFFFF) % slots


def active(entries):
    """The index of the record that counts (the higher of those that may start), or None."""
    usable = [n for n in (0, 1) if entries[n] and entries[n].state not in (INVALID, ABORTED)]
    return max(usable, key=lambda n: entries[n].sequence) if usable else None


def choose(entries, valid_images, has_rollback=True, is_blank=True):
    """Which slot starts after a reset.

    `entries`: the two records, None for one that is not valid. `valid_images`: for each slot,
    whether its image is whole. Without rollback no state is looked at that it would have set.
    `is_blank`: whether two that are not valid are blank; garbage is left as it is.
    """
    # 1. A firmware that had its one start and did not confirm itself is given up.
    entries = tuple(
        Entry(entry.sequence, ABORTED)
        if has_rollback and entry and entry.state == PENDING_VERIFY
        else entry
        for entry in entries
    )
    n = active(entries)
    # 2. Without a record to go by, the first slot that holds an image.
    if n is None:
        slot = _first_whole(valid_images, 0)
        if entries == (None, None) and is_blank and slot is not None:
            entries = (Entry(slot + 1, VALID), None)
        return Choice(slot, entries)
    # 3. A new firmware gets its one start, whether its image turns out to be whole or not.
    if entries[n].state == NEW and has_rollback:
        started = Entry(entries[n].sequence, PENDING_VERIFY)
        entries = tuple(started if i == n else entry for i, entry in enumerate(entries))
    return Choice(_first_whole(valid_images, slot_of(entries[n], len(valid_images))), entries)


def _first_whole(valid_images, first):
    """The bootloader tries the slots from `first` downwards, then those above it."""
    order = list(range(first, -1, -1)) + list(range(first + 1, len(valid_images)))
    return next((slot for slot in order if valid_images[slot]), None)


def select(entries, slot, slots):
    """What esp_ota_set_boot_partition writes: (index, record), with the lowest sequence that wins
    and means `slot`.
    """
    n = active(entries)
    if n is None:
        return 0, Entry(slot + 1, NEW)
    sequence = entries[n].sequence
    while slot_of(Entry(sequence, NEW), slots) != slot:
        sequence += 1
    return 1 - n, Entry(sequence, NEW)


def confirm(entries):
    """What esp_ota_mark_app_valid_cancel_rollback writes: (index, record), or None where there is
    nothing to do.

    Raises: LookupError if neither record may start, as ESP-IDF fails then.
    """
    n = active(entries)
    if n is None:
        raise LookupError("otadata has no record of the running firmware")
    if entries[n].state == VALID:
        return None
    return n, Entry(entries[n].sequence, VALID)
