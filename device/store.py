"""Files of /state that survive a power cut: a reader sees old bytes or new, never a mix."""

import json
import os

from micropython import const

from device.errors import StorageFull

_ENOSPC = const(28)  # the same number on littlefs and on Linux


class Store:
    """Reads and replaces whole files of one folder by name."""

    def __init__(self, root="/state"):
        self._root = root

    def read(self, name):
        """Bytes of a file, or None where there is none."""
        try:
            with open(self._path(name), "rb") as f:
                return f.read()
        except OSError:
            return None

    def write(self, name, data):
        """Replace a file as a whole.

        Raises:
            StorageFull: there was no room; the old file is still there.
        """
        fresh = self._path(name) + ".new"
        try:
            self._make_root()
            with open(fresh, "wb") as f:
                f.write(data)
            os.rename(fresh, self._path(name))  # littlefs swaps the name in one commit
        except OSError as e:
            _remove(fresh)
            if e.errno == _ENOSPC:
                raise StorageFull("storage-full", name, len(data))
            raise

    def remove(self, name):
        """Forget a file; nothing happens where there is none."""
        _remove(self._path(name))

    def load(self, name, default):
        """Value of a JSON file; `default` where the file is absent, garbage or of another type."""
        data = self.read(name)
        if data is None:
            return default
        try:
            value = json.loads(data)
        except (ValueError, RuntimeError):  # RuntimeError: nested too deep for the stack
            # the log needs the store's config: not built yet
            print("mpfleet store: garbage in", name)
            return default
        return value if isinstance(value, type(default)) else default

    def save(self, name, value):
        """Replace a JSON file.

        Raises:
            StorageFull: there was no room; the old file is still there.
        """
        self.write(name, json.dumps(value).encode())

    def _path(self, name):
        return self._root + "/" + name

    def _make_root(self):
        try:
            os.stat(self._root)
        except OSError:
            os.mkdir(self._root)


def _remove(path):
    try:
        os.remove(path)
    except OSError:  # it was not there
        pass
