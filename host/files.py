"""Files that appear under their name whole and on disk, or not at all."""

import os
import secrets


def write(path, content, mode=0o644):
    """Put bytes under a name in one step; a reader sees the old ones or the new ones."""
    temp = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        with open(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temp.rename(path)
    finally:
        temp.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder):
    """The names in a folder survive a power cut from now on."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
