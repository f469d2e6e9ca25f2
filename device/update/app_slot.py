"""One of the two folders that hold an app release: staged file by file, sealed, then left alone.

A file gets its name only whole, its hash verified; release.json is last to come, first to go.
"""

import os
from binascii import hexlify
from hashlib import sha256

from micropython import const

from device.errors import Damaged, Refused
from device.protocol import MANIFEST_BYTES_MAX

_FOLDER = const(0x4000)  # type of a folder in os.ilistdir
_RELEASE = "release.json"
_COMING = "release.new"  # the manifest of what is being staged
_WAS = "release.was"  # that of the release whose files were changed over USB since
_PART = ".part"
_INDEX = ".index"
_PART_DIGITS = const(16)  # of the hash: what a half-finished file is called by
_MPY_MAGIC = const(0x4D)
_KEPT = ("/device", "/lib", "/state")  # with the active slot: what an update never gives back
_ROOT_BLOCKS = const(8)  # the root folder, boot.py, main.py


class FilePart:
    """A blob on its way into a file; the index of its pieces lies beside it."""

    def __init__(self, path):
        self._path = path
        self.index = path + _INDEX

    def size(self):
        """How much of it is there; None where nothing is."""
        return _size(self._path)

    def reader(self):
        """What is there, as a stream."""
        return open(self._path, "rb")

    def writer(self, offset):
        """A stream that goes on there; what was flushed outlives a power cut."""
        f = open(self._path, "r+b" if offset else "wb")
        f.seek(offset)
        return f

    def forget(self):
        """Nothing of it is there any more."""
        _remove(self._path)

    async def is_whole(self, download, size, digest):
        """Whether the file has this size and this hash."""
        return self.size() == size and await download.holds(self, size, digest)


class AppSlot:
    """The slot of one letter."""

    def __init__(self, letter, root="/slots"):
        self.letter = letter
        self.folder = root + "/" + letter
        self.coming = self.folder + "/" + _COMING
        self.release = self.folder + "/" + _RELEASE
        self._root = root

    def make(self):
        """Make the slot's folder, if it is not there."""
        _make_folder(self._root)
        _make_folder(self.folder)

    @property
    def is_sealed(self):
        """Whether it claims to hold a release."""
        return _size(self.release) is not None

    def manifest(self):
        """Where the manifest of what is, or comes to be, in it lies."""
        return self.release if _size(self.coming) is None else self.coming

    def manifests(self):
        """Where that of its release may lie, or of what it held before a change over USB."""
        return self.release, self.folder + "/" + _WAS

    def check_room(self, plan, needed, active):
        """Whether so many blocks fit here beside what an update never gives back.

        Raises:
            Refused, StorageFull: as `plan.check_room` says.
        """
        fixed = _ROOT_BLOCKS
        for folder in _KEPT + (active.folder,):
            fixed += plan.used(*_sizes(folder))
        stat = os.statvfs(self.folder)
        here = plan.used(*_sizes(self.folder))
        plan.check_room(needed, plan.free_blocks(stat), here, stat[2], fixed)

    async def fetch_manifest(self, digest, size, download):
        """Path of the manifest of this hash: what lies here, else what the host sends.

        Raises:
            Refused: it is longer than any may be.
            Damaged, NetworkError, HttpError: as Download.fetch().
        """
        if size > MANIFEST_BYTES_MAX:
            raise Refused("manifest-too-large", size, MANIFEST_BYTES_MAX)
        for path in (self.release, self.coming):
            if await FilePart(path).is_whole(download, size, digest):
                return path
        self.make()
        self.discard()  # it may be another release's
        await download.fetch("/manifests/" + digest, digest, size, FilePart(path))
        return path

    def unseal(self):
        """From here on the slot holds no release: what it held is about to change."""
        if _size(self.coming) is None and _size(self.release) is not None:
            os.rename(self.release, self.coming)  # sealing failed: the same manifest again
        _remove(self.release)

    async def stage(self, files, active, old, download, abi):
        """Fill the slot with `files`; of what the slot `active` has, `old`, nothing travels.

        Raises:
            Refused: native code, or bytecode of another version.
            Damaged, NetworkError, HttpError, OSError: what is staged so far is kept.
        """
        await self._prune(files, download)
        download.begin(sum(size for path, size, _ in files if not self._has(path)))
        for path, size, digest in files:
            if self._has(path):
                continue
            part = self.folder + "/" + digest[:_PART_DIGITS] + _PART
            self._make_folders(path)
            source = self._source(digest, files, active, old)
            if not await _copy(source, part, size, digest, download):
                await download.fetch("/blobs/" + digest, digest, size, FilePart(part))
            try:
                _check_bytecode(path, part, abi)
            except Refused:
                _remove(part)
                raise
            os.rename(part, self.folder + "/" + path)
        os.rename(self.coming, self.release)

    async def seal(self, files, download):
        """Read every byte back. Raises Damaged, the file deleted, where one is not right."""
        for path, size, digest in files:
            target = self.folder + "/" + path
            if not await FilePart(target).is_whole(download, size, digest):
                _remove(target)
                raise Damaged("hash-mismatch", path)

    def discard(self):
        """Forget the manifest that was to come: the release was refused."""
        _remove(self.coming)

    async def _prune(self, files, download):
        """Delete what is not wanted or not right."""
        for path, is_folder in walk(self.folder):
            name = path[len(self.folder) + 1 :]
            if is_folder:
                _remove_empty(path)
                continue
            wanted = files.find(name)
            if wanted and await FilePart(path).is_whole(download, *wanted):
                download.resumed += wanted[0]
            elif not _is_on_its_way(name, files):
                os.remove(path)

    def _has(self, path):
        """Whether a file is here; after _prune() that is to say, whole."""
        return _size(self.folder + "/" + path) is not None

    def _source(self, digest, files, active, old):
        """Path of a file that should have this hash: one staged already, or of the active slot."""
        for path in files.paths(digest):
            if self._has(path):
                return self.folder + "/" + path
        for path in old.paths(digest):
            return active.folder + "/" + path
        return None

    def _make_folders(self, path):
        end = path.find("/")
        while end > 0:
            _make_folder(self.folder + "/" + path[:end])
            end = path.find("/", end + 1)


async def _copy(source, target, size, digest, download):
    """Copy a file, hashing it; False, and no target, where it is not there or rotted."""
    if source is None or _size(source) != size:
        return False
    view = download.view
    found = sha256()
    left = size
    with open(source, "rb") as src, open(target, "wb") as f:
        while left:
            n = src.readinto(view if left >= len(view) else view[:left])
            if not n:
                break
            chunk = view if n == len(view) else view[:n]
            found.update(chunk)
            f.write(chunk)
            left -= n
            await download.turn()
    if left or hexlify(found.digest()).decode() != digest:
        _remove(target)
        return False
    download.copied += size
    download.step(size)
    return True


def walk(folder):
    """(path, is_folder) of all below a folder, the contents of a folder before itself."""
    try:
        names = sorted([(entry[0], entry[1]) for entry in os.ilistdir(folder)])
    except OSError:  # there is no such folder
        return
    for name, kind in names:
        path = folder + "/" + name
        if kind == _FOLDER:
            yield from walk(path)
        yield path, kind == _FOLDER


def _sizes(folder):
    """Sizes of the files below a folder, and the number of folders: for counting blocks."""
    sizes, count = [], 0
    for path, is_folder in walk(folder):
        if is_folder:
            count += 1
        else:
            sizes.append(os.stat(path)[6])
    return sizes, count


def _is_on_its_way(name, files):
    """Whether a file of the slot's own folder is the coming manifest, or part of a wanted file."""
    if name == _COMING:
        return True
    digest = name.split(_PART)[0]
    try:
        return len(digest) == _PART_DIGITS and any(files.paths(digest))
    except ValueError:  # no hash at all
        return False


def _check_bytecode(path, part, abi):
    """Refuse native and viper code, and bytecode that this board cannot load (SPEC section 5)."""
    if not path.endswith(".mpy"):
        return
    with open(part, "rb") as f:
        head = f.read(3)
    if len(head) < 3 or head[0] != _MPY_MAGIC or head[1] != abi:
        raise Refused("wrong-abi", path, head)
    if head[2] >> 2:
        raise Refused("native-code", path)


def _size(path):
    try:
        return os.stat(path)[6]
    except OSError:
        return None


def _make_folder(path):
    if _size(path) is None:
        os.mkdir(path)


def _remove_empty(path):
    try:
        os.rmdir(path)
    except OSError:  # it is not empty
        pass


def _remove(path):
    try:
        os.remove(path)
    except OSError:  # it was not there
        pass
