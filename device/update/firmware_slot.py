"""The firmware partition that runs: who it is, that it may stay, and which one boots next.

With boot.py the only user of esp32.Partition. A board without it has one firmware for ever.
"""

from micropython import const

_ELF_OFFSET = const(176)  # app_elf_sha256 in the app descriptor at 32
_ELF_BYTES = const(16)  # of its 32: enough to tell images apart


def running():
    """Label and hash of the firmware that runs, as (bytes, bytes); None where nobody can tell."""
    try:
        from esp32 import Partition

        return _identify(Partition(Partition.RUNNING))
    except (ImportError, AttributeError, OSError):
        return None


def confirm():
    """Tell the bootloader that the running firmware may stay; harmless where it knows."""
    try:
        from esp32 import Partition

        Partition.mark_app_valid_cancel_rollback()
    except (ImportError, AttributeError, OSError):  # none to tell, or both its records are ABORTED
        pass


def set_boot(firmware):
    """Boot this firmware, (label, hash), at the next reset; False where that cannot be."""
    try:
        from esp32 import Partition

        for partition in Partition.find(Partition.TYPE_APP):
            if _identify(partition) == firmware:
                partition.set_boot()
                return True
    except (ImportError, AttributeError, OSError):  # the image's own check failed
        pass
    return False


def _identify(partition):
    elf = bytearray(_ELF_BYTES)
    partition.readblocks(0, elf, _ELF_OFFSET)
    return partition.info()[4].encode(), bytes(elf)
