"""The few lines that a deploy runs on the board, and how they are called.

They must run on any MicroPython from 1.25 on, whatever lies in its file system.
"""

import base64
import json
from collections.abc import Iterator, Sequence

# The slot's modules would shadow the golden ones, which deploy means: they leave sys.path.
SOURCE = r"""
import sys
sys.path[:] = [p for p in sys.path if not p.startswith('/slots/')]
for _n in list(sys.modules):
    if _n.split('.')[0] in ('device', 'app'):
        del sys.modules[_n]
import os, json, hashlib, binascii

def _hash(path):
    try:
        f = open(path, 'rb')
    except OSError:
        return None
    digest = hashlib.sha256()
    view = memoryview(bytearray(2048))
    with f:
        while True:
            n = f.readinto(view)
            if not n:
                return binascii.hexlify(digest.digest()).decode()
            digest.update(view[:n])

def _hashes(paths):
    print(json.dumps([_hash(p) for p in paths]))

def _tree(folder, files):
    try:
        entries = list(os.ilistdir(folder))
    except OSError:
        return files
    for entry in entries:
        path = folder + '/' + entry[0]
        if entry[1] & 0x4000:
            _tree(path, files)
            files.append(path + '/')
        else:
            files.append(path)
    return files

def _begin(path):
    global _file, _path
    _path = path
    for n, c in enumerate(path):
        if c == '/' and n:
            try:
                os.mkdir(path[:n])
            except OSError as e:
                if e.errno != 17:
                    raise
    _file = open(path + '.new', 'wb')

def _put(text):
    _file.write(binascii.a2b_base64(text))

def _end():
    _file.close()
    os.rename(_path + '.new', _path)

def _copy(source, path):
    _begin(path)
    view = memoryview(bytearray(2048))
    with open(source, 'rb') as f:
        while True:
            n = f.readinto(view)
            if not n:
                break
            _file.write(view[:n])
    _end()

def _is_foreign(path):
    try:
        with open(path, 'rb') as f:
            text = f.read()
    except OSError:
        return False
    lines = [line.strip() for line in text.split(b'\n')]
    return b'mpfleet' not in text and any(l and l[:1] != b'#' for l in lines)

def _remove(path):
    try:
        (os.rmdir if path[-1] == '/' else os.remove)(path.rstrip('/'))
    except OSError as e:
        if e.errno not in (2, 39, 66):
            raise
"""

_CHUNK = 1536  # bytes of a file in one piece: 2,048 as base64, which any board's heap bears


def hashes(paths: Sequence[str]) -> str:
    """Prints a JSON list of the hashes of files, null where there is none."""
    return f"_hashes({list(paths)!r})"


def tree(folders: Sequence[str]) -> str:
    """Prints a JSON list of all files below folders; a folder ends in `/`, after its files."""
    return f"_t = []\nfor _p in {list(folders)!r}:\n    _tree(_p, _t)\nprint(json.dumps(_t))"


def write(path: str, content: bytes) -> Iterator[tuple[str, int]]:
    """Pieces of code that write a file, and the bytes each brings; the last gives it its name."""
    starts = range(0, max(1, len(content)), _CHUNK)
    for start in starts:
        chunk = content[start : start + _CHUNK]
        begin = f"_begin({path!r})\n" if start == 0 else ""
        end = "\n_end()" if start == starts[-1] else ""
        yield f"{begin}_put({base64.b64encode(chunk)!r}){end}", len(chunk)


def copy(source: str, path: str) -> str:
    """Copies a file on the board."""
    return f"_copy({source!r}, {path!r})"


def remove(paths: Sequence[str]) -> str:
    """Removes files and, where they are empty, folders (which end in `/`)."""
    return "\n".join(f"_remove({path!r})" for path in paths)


def set_aside(path: str, to: str) -> str:
    """Renames a file that is not of ours, unless it holds comments only; prints whether it did."""
    return f"_n = _is_foreign({path!r})\nif _n:\n    os.rename({path!r}, {to!r})\nprint(_n)"


def apply(setup: dict) -> str:
    """Hands the board what it is to know (docs/DESIGN.md section 3)."""
    # not as escapes: MicroPython reads those of an emoji, a pair, as two other characters
    text = json.dumps(setup, ensure_ascii=False)
    return f"from device.setup import apply\napply({text!r})"


# Runs on any Python a board may have.
WHO = r"""
import sys
print('{"name": "%s", "version": [%d, %d, %d]}' % ((sys.implementation[0],)
    + tuple(sys.implementation[1][:3])))
"""

# The model is the build's name; `offers` are the modules that are there.
INSPECT = r"""
import sys, os, json
_offers = []
for _n in %r:
    try:
        __import__(_n)
        _offers.append(_n)
    except Exception:
        pass
_i = sys.implementation
_s = os.statvfs('/')
try:
    from esp32 import Partition
    _parts = [list(p.info()[:5]) for t in (0, 1) for p in Partition.find(t)]
except Exception:
    _parts = []
try:
    import esp
    _flash = esp.flash_size()
except Exception:
    _flash = 0
print(json.dumps({
    'name': _i[0], 'version': list(_i[1][:3]), 'abi': getattr(_i, '_mpy', 0) & 255,
    'build': getattr(_i, '_build', ''), 'offers': _offers,
    'block': _s[0], 'free': _s[3], 'blocks': _s[2], 'flash': _flash, 'partitions': _parts,
}))
"""

# The mark in RTC memory says that the reset is meant: boot.py counts no crash.
RESET = r"""
import machine
try:
    machine.RTC().memory(b'MPFR\x01')
except Exception:
    pass
machine.reset()
"""
