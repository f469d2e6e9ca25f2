"""Blobs into files: raw and in pieces, resumed, and every way of not being what they should."""

import hashlib
import struct
import zlib

import pytest

PIECE = 8192
FETCH = """
from binascii import hexlify, unhexlify
from hashlib import sha256
from device.errors import DeviceError
from device.update.app_slot import FilePart
from device.update.download import Download

NEW = {"fetched": 0, "copied": 0, "resumed": 0}
told = []


class Power:
    free = 28672

    def free_heap():
        return Power.free


def tell(done, total):
    told.append(done)
    return "stage;%d;%d" % (done, total)


def serve(data, pieces=None):
    host.answers["/blobs/x"] = data
    if pieces:
        host.pieces["/blobs/x"] = pieces


def fetch(size, digest, download=None):
    download = download or Download(host, tell, NEW, Power)
    try:
        asyncio.run(download.fetch("/blobs/x", digest, size, FilePart("/x.part")))
        word = "good"
    except DeviceError as e:
        word = e.code
    return [word, download.fetched, download.resumed]


def there():
    return sorted(os.listdir("/"))


def digest_of(path):
    with open(path, "rb") as f:
        return hexlify(sha256(f.read()).digest()).decode()


data = unhexlify(given[0])
digest = hexlify(sha256(data).digest()).decode()
pieces = unhexlify(given[1]) if len(given) > 1 else None
serve(data, pieces)
"""


def in_pieces(data):
    pieces = []
    for start in range(0, len(data), PIECE):
        deflater = zlib.compressobj(9, zlib.DEFLATED, -12)
        pieces.append(deflater.compress(data[start : start + PIECE]) + deflater.flush())
    head = struct.pack("<4sII", b"MPZ1", len(data), len(pieces))
    return head + b"".join(struct.pack("<I", len(p)) for p in pieces) + b"".join(pieces)


def text(size):
    return b"".join(
        hashlib.sha256(bytes([i % 251, i // 251 % 256])).digest()[:9] * 3 for i in range(size)
    )[:size]


SMALL = b"M\6\0" + text(5000)
LARGE = text(100000)


@pytest.mark.parametrize("size", (0, 1, 4095, 4096, 4097, 8192, 8193, 100000))
@pytest.mark.parametrize("form", ("raw", "pieces"))
def test_a_blob_arrives_whole(on_rig, size, form):
    data = text(size)
    given = [data.hex()] + ([in_pieces(data).hex()] if form == "pieces" else [])
    said = on_rig(
        FETCH + "say(fetch(len(data), digest)); say(digest_of('/x.part')); say(there())", *given
    )
    is_raw = form == "raw" or size <= 8192  # a small one is not worth the heap of inflating it
    wire = 0 if not size else size if is_raw else len(in_pieces(data))
    assert said == [["good", wire, 0], hashlib.sha256(data).hexdigest(), ["host", "x.part"]]


BAD_RAW = {
    "shorter": ("serve(data[:-1])", "short"),
    "longer": ("serve(data + b'x')", "long"),
    "empty": ("serve(b'')", "short"),
    "other": ("serve(b'x' + data[1:])", "hash-mismatch"),
}


@pytest.mark.parametrize(("how", "word"), BAD_RAW.values(), ids=BAD_RAW)
def test_a_blob_that_is_not_its_hash_leaves_nothing(on_rig, how, word):
    said = on_rig(FETCH + how + "\nsay(fetch(len(data), digest)[0]); say(there())", SMALL.hex())
    assert said == [word, ["host"]]


BAD_PIECES = {
    "another magic": "b'MPZ2' + pieces[4:]",
    "another size": "pieces[:4] + b'\\1' + pieces[5:]",
    "another count": "pieces[:8] + b'\\1' + pieces[9:]",
    "a length too large": "pieces[:12] + b'\\xff\\xff\\0\\0' + pieces[16:]",
    "lengths that do not add up": "pieces[:12] + bytes([pieces[12] ^ 1]) + pieces[13:]",
    "cut in the index": "pieces[:14]",
    "cut in a piece": "pieces[:-1]",
    "longer": "pieces + b'x'",
    "rubbish in a piece": "pieces[:40] + b'\\xff' * 400 + pieces[440:]",
    "nothing": "b'\\0'",
}


@pytest.mark.parametrize("how", BAD_PIECES.values(), ids=BAD_PIECES)
def test_bad_pieces_leave_nothing(on_rig, how):
    script = FETCH + f"serve(data, {how})\nsay(fetch(len(data), digest)[0]); say(there())"
    word, left = on_rig(script, LARGE.hex(), in_pieces(LARGE).hex())
    assert word in ("bad-pieces", "hash-mismatch")
    assert left == ["host"]


def test_a_piece_that_inflates_to_more_is_cut_off(on_rig):
    data = bytes(2 * PIECE)
    good = in_pieces(data)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -12)
    piece = deflater.compress(bytes(1000000)) + deflater.flush()
    second = int.from_bytes(good[16:20], "little")
    bomb = good[:12] + struct.pack("<2I", len(piece), second) + piece + good[-second:]
    said = on_rig(
        FETCH + "say(fetch(len(data), digest)[0]); say(there())", data.hex(), bomb.hex()
    )
    assert said == ["bad-pieces", ["host"]]


CUT = """
host.breaks_after = {cut}
say(fetch(len(data), digest))
say(fetch(len(data), digest))
say(digest_of("/x.part") == digest)
say(there())
say(host.asked[-1][1])
"""


@pytest.mark.parametrize("cut", (1, 4096, 50000, 99999))
def test_a_raw_blob_goes_on_at_the_byte_it_stopped_at(on_rig, cut):
    said = on_rig(FETCH + CUT.format(cut=cut), LARGE.hex())
    assert said == [["cut", cut, 0], ["good", 100000 - cut, cut], True, ["host", "x.part"], cut]


@pytest.mark.parametrize(("cut", "whole"), ((10, 0), (20, 0), (100, 0), (-1, 12)))
def test_pieces_go_on_at_the_last_whole_one(on_rig, cut, whole):
    pieces = in_pieces(LARGE)
    cut = len(pieces) + cut if cut < 0 else cut
    first, second, is_right, left, offset = on_rig(
        FETCH + CUT.format(cut=cut), LARGE.hex(), pieces.hex()
    )
    assert (first, second[0], second[2]) == (["cut", cut, 0], "good", whole * PIECE)
    assert (is_right, left) == (True, ["host", "x.part"])
    assert second[1] == len(pieces) - offset


FORMS = {  # what a blob travels as until it is cut, after so many bytes, and what afterwards
    "raw, cut where pieces go on": ("", 9000, ", pieces"),
    "raw, cut behind the end of pieces": ("", 50000, ", pieces"),
    "pieces": (", pieces", 30000, ""),
}


@pytest.mark.parametrize(("first", "cut", "then"), FORMS.values(), ids=FORMS)
def test_a_blob_that_travels_in_another_form_by_now_starts_over(on_rig, first, cut, then):
    script = FETCH + f"""
host.pieces.clear()
serve(data{first})
host.breaks_after = {cut}
say(fetch(len(data), digest)[0])
host.pieces.clear()
serve(data{then})
say(fetch(len(data), digest)[0])
say(there())
"""
    said = on_rig(script, LARGE.hex(), in_pieces(LARGE).hex())
    assert said == ["cut", "good", ["host", "x.part"]]


def test_a_heap_that_does_not_bear_inflating_gets_it_raw(on_rig):
    script = FETCH + "Power.free -= 1\nsay(fetch(len(data), digest))\n"
    [said] = on_rig(script, LARGE.hex(), in_pieces(LARGE).hex())
    assert said == ["good", len(LARGE), 0]


def test_only_what_may_be_patched_takes_a_whole_block_and_only_where_the_heap_bears_it(on_rig):
    script = FETCH + """
class Source:
    size = 0
    read = None  # no patch comes
    reader = staticmethod(lambda: open("/old", "rb"))


open("/old", "wb").close()
download = Download(host, tell, NEW, Power)
for Power.free, source in ((28671, Source), (28672, Source), (28672, None), (28672, Source)):
    part = FilePart("/x.part")
    part.forget()
    asyncio.run(download.fetch("/blobs/x", digest, len(data), part, source))
    say(len(download.view))
"""
    said = on_rig(script, LARGE.hex(), in_pieces(LARGE).hex())
    assert said == [1024, 4096, 1024, 4096]


def test_a_part_that_rotted_is_thrown_away(on_rig):
    script = FETCH + "host.breaks_after = 50000\nfetch(len(data), digest)\n"
    script += "f = open('/x.part', 'r+b'); f.write(b'rot'); f.close()\n"
    said = on_rig(script + "say([fetch(len(data), digest)[0] for _ in range(2)])", LARGE.hex())
    assert said == [["hash-mismatch", "good"]]


def test_what_was_flushed_outlives_a_cut(on_rig):
    script = FETCH + "host.chunk = 4096\nhost.breaks_after = 70000\n"
    script += """
import vfs
real = Download._put
flushed = []


def put(self, f, n):
    real(self, f, n)
    flushed.append(os.stat("/x.part")[6])


Download._put = put
fetch(len(data), digest)
say(flushed)
"""
    [flushed] = on_rig(script, LARGE.hex())
    assert sorted(set(flushed)) == [0, 32768, 65536]


def test_the_loop_turns_between_chunks(on_rig):
    script = (
        FETCH
        + """
async def main():
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep_ms(0)

    task = asyncio.create_task(other())
    await Download(host, tell, NEW, Power).fetch("/blobs/x", digest, len(data), FilePart("/x.part"))
    return turns


host.chunk = 4096
say(asyncio.run(main()) >= len(data) // 4096)
"""
    )
    assert on_rig(script, LARGE.hex()) == [True]


def test_a_download_allocates_nothing_per_chunk(on_rig):
    script = (
        FETCH
        + """
import gc


class Source:
    status, kind, left = 200, "application/octet-stream", 40 * 4096

    async def readinto(self, view):
        n = min(len(view), self.left)
        self.left -= n
        return n

    async def close(self):
        pass


class Null:
    def write(self, data):
        pass

    def flush(self):
        pass


async def main(chunks):
    source = Source()
    source.left = chunks * 4096
    await download._raw(source, Null(), sha256(), source.left)


download = Download(host, lambda done, total: None, NEW, Power)
download.view = memoryview(bytearray(4096))


def cost(chunks):
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    asyncio.run(main(chunks))
    used = gc.mem_alloc() - before
    gc.enable()
    return used


cost(4)
small, large = cost(40), cost(400)
say((large - small) / 360)
"""
    )
    [bytes_per_chunk] = on_rig(script, SMALL.hex())
    assert (
        bytes_per_chunk < 300
    )  # coroutine objects of the fake's readinto; no copy of what arrives


def test_the_inflater_of_a_piece_is_gone_before_the_next_is_fetched(on_rig):
    script = FETCH + """
import gc

collect, heaps = Download._collect, []


async def weigh(self, *args):
    gc.collect()
    heaps.append(gc.mem_alloc())
    await collect(self, *args)


Download._collect = weigh
fetch(len(data), digest)
say([heap - heaps[2] for heap in heaps[3:]])  # from the second piece on its place is held
"""
    [grown] = on_rig(script, LARGE.hex(), in_pieces(LARGE).hex())
    assert (len(grown), max(grown) < 2000) == (11, True)  # its window is of 4 kB


def test_a_full_flash_keeps_what_came(on_rig):
    script = (
        FETCH
        + """
f = open("/filler", "wb")
try:
    while True:
        f.write(bytes(4096))
        f.flush()
except OSError:
    pass
try:
    f.close()
except OSError:
    pass
try:
    fetch(len(data), digest)
except OSError as e:
    say(e.errno)
os.remove("/filler")
say(fetch(len(data), digest)[0])
"""
    )
    assert on_rig(script, LARGE.hex()) == [28, "good"]
