"""Where flashes of megabytes are copied to and written: not to a disk, if that can be."""

from pathlib import Path


def folder():
    """For tempfile's `dir`."""
    memory = Path("/dev/shm")  # noqa: S108
    return memory if memory.is_dir() else None
