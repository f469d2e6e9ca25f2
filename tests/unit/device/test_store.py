"""Files that are replaced as a whole."""

import pytest

STORE = """
from device.store import Store
from device.errors import StorageFull
store = Store(given[0])
"""


def test_what_was_saved_is_loaded(on_both, tmp_path):
    script = STORE + "store.save('x', {'a': [1, 2]})\nprint(store.load('x', {}))"
    assert on_both(script, str(tmp_path / "state")) == ["{'a': [1, 2]}"]


def test_an_absent_file_is_its_default(on_both, tmp_path):
    assert on_both(STORE + "print(store.load('x', [7]), store.read('x'))", str(tmp_path)) == [
        "[7] None"
    ]


@pytest.mark.parametrize("garbage", ("", "{x}", "\0\0", "[" * 5000, '"text"', "null"))
def test_garbage_is_its_default(on_both, tmp_path, garbage):
    (tmp_path / "x").write_text(garbage)
    assert on_both(STORE + "print(store.load('x', {'a': 1}))", str(tmp_path))[-1] == "{'a': 1}"


def test_a_file_is_replaced_and_nothing_is_left_beside_it(on_both, tmp_path):
    on_both(STORE + "store.write('x', b'1')\nstore.write('x', b'2')", str(tmp_path))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"x": b"2"}


def test_removing_what_is_not_there_does_nothing(on_both, tmp_path):
    assert on_both(STORE + "store.remove('x')", str(tmp_path)) == []


# A littlefs of 16 blocks, filled: MicroPython only.
FULL = """
import os, vfs
class Ram:
    data = bytearray(4096 * 16)
    def readblocks(self, n, buf, off=0):
        buf[:] = self.data[n * 4096 + off:][:len(buf)]
    def writeblocks(self, n, buf, off=None):
        start = n * 4096 + (off or 0)
        self.data[start:start + len(buf)] = buf
    def ioctl(self, op, arg):
        return {4: 16, 5: 4096}.get(op, 0)
vfs.VfsLfs2.mkfs(Ram())
vfs.mount(vfs.VfsLfs2(Ram()), "/flash")
os.mkdir("/flash/state")
from device.store import Store
from device.errors import StorageFull
store = Store("/flash/state")
store.write("x", b"o" * 300)
try:
    for i in range(99):
        with open("/flash/junk%d" % i, "wb") as f:
            f.write(bytes(300))
except OSError:
    pass
try:
    store.write("x", b"n" * 300)
except StorageFull as e:
    print(e.code, store.read("x") == b"o" * 300, os.listdir("/flash/state"))
"""


def test_a_full_flash_is_storage_full_and_the_old_file_stays(on_board):
    assert on_board(FULL) == ["storage-full True ['x']"]
