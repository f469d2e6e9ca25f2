"""Blobs from the host to where they belong: hashed as they come, never too long, resumed.

A blob travels raw, in pieces (SPEC section 6), or as a patch of what the board has (section 12).
What arrived is kept in a *part*, a file or a firmware partition, the index of pieces or patch in a
file, so that a download that goes on asks only for what is missing.
"""

import asyncio
import gc
import io
import os
import struct
import time
from binascii import hexlify
from hashlib import sha256

from micropython import const

from device.errors import Damaged, HttpError
from device.protocol import (
    PATCH,
    PATCH_BLOCK_BYTES,
    PATCH_MAGIC,
    PIECE_BYTES,
    PIECE_WBITS,
    PIECES,
    PIECES_MAGIC,
)

_CHUNK = const(1024)  # what is read at a time; what may be patched takes more
_FOURTH = const(3072)  # bits that are clear each fourth time in a count by 1,024: 4 kB are a turn
# What is no longer travels raw: inflating takes 8 kB of heap, and would save 3 on the wire.
_RAW_BYTES = const(8192)
_KEEP_BYTES = const(32768)  # flushed so often: what a power cut costs at most
_INFLATE_BYTES = const(28672)  # with less heap free all travels raw: inflating takes that much
_INFLATER = const(6144)  # what one takes: its window of 4 kB, and its tables
_HEAD = const(12)  # of the piece index
_SLACK = const(64)  # a piece that does not shrink travels a little longer than it is
_INDEX = ".index"
_FROM_THE_START = (200, 206, 416)  # answers to a Range that lead nowhere


class Download:
    """Transfers of an update: the buffer they share and the bytes they came to, with `before`."""

    def __init__(self, http, tell, before, power):
        self._http = http
        self._tell = tell  # (done, total) → X-Progress; called between pieces
        self._power = power
        self.view = memoryview(bytearray(_CHUNK))
        self.fetched = before["fetched"]  # SPEC section 8, `bytes`
        self.copied = before["copied"]
        self.resumed = before["resumed"]
        self.waited_ms = 0  # for the turns of others
        self.done = self.total = 0  # of the files to come, for the progress bar
        self._unkept = 0  # bytes since the last flush

    async def turn(self):
        """Give the loop away; how long the others took is counted."""
        start = time.ticks_ms()
        await asyncio.sleep_ms(0)
        self.waited_ms += time.ticks_diff(time.ticks_ms(), start)

    def begin(self, total):
        """So many bytes more are to come."""
        self.total += total

    async def fetch(self, path, digest, size, part, source=None):
        """The blob at `path` of the device API into `part`, whole and verified.

        `part` looks like an app_slot.FilePart, `source` is an image that a patch may start from
        (`size`, `reader()`, `read(at, view)`).

        Raises:
            Damaged: it is not what its hash says; nothing is kept of it.
            NetworkError, HttpError: what came so far is kept.
        """
        before = self.done, self.resumed
        while True:
            try:
                await self._try(path, digest, size, part, source)
                break
            except Damaged as e:
                is_patch = e.code == "bad-patch" or _kind(_read(part.index)) == PATCH
                forget(part)
                if not source or not is_patch:
                    raise
                source = None  # what the patch made is thrown away: once more, without one
                self.done, self.resumed = before
        _remove(part.index)

    async def hash(self, part, size):
        """The SHA-256 of the first `size` bytes; None where there are fewer."""
        view = self.view
        digest = sha256()
        with part.reader() as f:
            while size:
                n = f.readinto(view if size >= len(view) else view[:size])
                if not n:
                    return None
                digest.update(view if n == len(view) else view[:n])
                size -= n
                if len(view) > _CHUNK or not size & _FOURTH:
                    await self.turn()
        return digest

    async def holds(self, part, size, digest):
        """Whether the first `size` bytes have this hash."""
        found = await self.hash(part, size)
        return found is not None and _hex(found) == digest

    def counts(self):
        """Fields of SPEC section 8, `bytes`."""
        return {"fetched": self.fetched, "copied": self.copied, "resumed": self.resumed}

    async def _try(self, path, digest, size, part, source):
        try:
            await self._resume(path, digest, size, part, source)
        except HttpError as e:
            if e.status not in _FROM_THE_START or part.size() is None:
                raise
            forget(part)  # the host knows no such range: its blob travels in another form now
            await self._resume(path, digest, size, part, source)

    async def _resume(self, path, digest, size, part, source):
        """Hash what is there, ask for the rest."""
        if not size:
            part.writer(0).close()
        if part.size() is None:
            _remove(part.index)  # it is of another blob
        index = _read(part.index)
        done = min(part.size() or 0, size)
        if index:
            done = done // PIECE_BYTES * PIECE_BYTES if done < size else size
        found = await self.hash(part, done) if done else sha256()
        self.resumed += done
        self.step(done)
        if done < size:
            await self._rest(path, found, size, part, done, index, source)
        came = _hex(found)
        if came != digest:
            raise Damaged("hash-mismatch", came, digest)

    async def _rest(self, path, found, size, part, done, index, source):
        begun = _kind(index)
        # that it may travel in: one that goes on keeps its own
        forms = {}  # type: dict
        gc.collect()
        is_new = not (index or done)
        may_inflate = is_new and self._power.free_heap() >= _INFLATE_BYTES
        # a patch is made in whole blocks; for what travels raw a partition's writer has its own
        self._take(PATCH_BLOCK_BYTES if source and (may_inflate or begun) else _CHUNK)
        if (may_inflate and size > _RAW_BYTES) or begun == PIECES:
            forms[PIECES] = _Pieces(size, self.view)
        if source and (may_inflate or begun == PATCH):
            from device.update.patch import Form

            name = (await self.hash(source, source.size)).digest()
            forms[PATCH] = Form(source, name, size, self.view)
        lengths = forms[begun].lengths(index) if index else ()
        offset = len(index) + sum(lengths[: done // PIECE_BYTES]) if index else done
        accept = ", ".join([form.accept for form in forms.values()])
        response = await self._http.get(path, offset, accept, self._tell(self.done, self.total))
        form = forms.get(response.kind)
        try:
            if form is None and (index or response.kind in (PIECES, PATCH)):
                raise HttpError("bad-answer", response.status)
            self._unkept = 0
            with part.writer(done) as f:
                if form:
                    lengths = lengths or await self._index(response, form, part)
                    await self._pieces(response, f, found, done, lengths, form)
                else:
                    await self._raw(response, f, found, size - done)
        finally:
            await response.close()

    def _take(self, size):
        """From now on so many bytes at a time."""
        if size != len(self.view):
            self.view = memoryview(bytearray(size))

    async def _raw(self, response, f, found, left):
        if response.left != left:
            raise Damaged("long" if response.left > left else "short", response.left, left)
        view = self.view
        since = 0
        while left:
            n = await response.readinto(view if left >= len(view) else view[:left])
            if not n:
                raise Damaged("short", left)
            chunk = view if n == len(view) else view[:n]
            found.update(chunk)
            f.write(chunk)
            left -= n
            since += n
            if since >= PIECE_BYTES:
                self._put(f, since)
                since = 0
            self.fetched += n
            await self.turn()
        self.step(since)

    async def _pieces(self, response, f, found, done, lengths, form):
        from deflate import RAW, DeflateIO

        lengths = lengths[done // PIECE_BYTES :]
        if response.left != sum(lengths):
            raise Damaged(form.code, response.left, sum(lengths))
        stream = io.BytesIO(max(lengths))  # room for the longest piece, made once
        for length in lengths:
            stream.seek(0)
            await self._collect(response, stream, length, form)
            stream.seek(0)
            place = None  # of the inflater: held as a piece comes, or small things would fill it
            inflater = DeflateIO(stream, RAW, PIECE_WBITS)
            piece = await self._inflate(form.blocks(inflater, done), f, found)
            inflater = None  # before the next one is made: its window is the most that is needed
            place = bytearray(_INFLATER)  # noqa: F841
            if stream.tell() != length:
                raise Damaged(form.code, stream.tell(), length)
            done += piece
            self._put(f, piece)

    async def _inflate(self, blocks, f, found):
        """Bytes of one piece. A function of its own, for a frame remembers what it looped over."""
        piece = 0
        for block in blocks:
            found.update(block)
            f.write(block)
            piece += len(block)
            await self.turn()
        return piece

    async def _collect(self, response, stream, length, form):
        view = self.view
        while length:
            n = await response.readinto(view if length >= len(view) else view[:length])
            if not n:
                raise Damaged(form.code, "short", length)
            stream.write(view if n == len(view) else view[:n])
            length -= n
            self.fetched += n
            await self.turn()

    async def _index(self, response, form, part):
        """The lengths in the index as it travels; kept where more than a piece follows."""
        stream = io.BytesIO()
        await self._collect(response, stream, form.index_bytes, form)
        index = stream.getvalue()
        lengths = form.lengths(index)
        if len(lengths) > 1 or response.kind == PATCH:  # it also says of what this was made
            with open(part.index, "wb") as f:
                f.write(index)
        return lengths

    def _put(self, f, n):
        """So many bytes more were written: littlefs keeps what was flushed."""
        self._unkept += n
        if self._unkept >= _KEEP_BYTES:
            f.flush()
            self._unkept = 0
        self.step(n)

    def step(self, n):
        """So many bytes more are where they belong."""
        self.done += n
        self._tell(self.done, self.total)


def forget(part):
    """Give up what is half there."""
    part.forget()
    _remove(part.index)


class _Pieces:
    """The form of SPEC section 6; patch.Form is like it."""

    accept = PIECES
    code = "bad-pieces"

    def __init__(self, size, view):
        self._size = size
        self._view = view
        self.index_bytes = _HEAD + 4 * -(-size // PIECE_BYTES)

    def lengths(self, index):
        """Length of each piece as it travels. Raises Damaged."""
        lengths = struct.unpack_from("<%dI" % ((len(index) - _HEAD) // 4), index, _HEAD)
        head = struct.unpack_from("<4sII", index, 0)
        if head != (PIECES_MAGIC, self._size, len(lengths)) or max(lengths) > PIECE_BYTES + _SLACK:
            raise Damaged(self.code, head)
        return lengths

    def blocks(self, inflater, done):
        """Yield the bytes of the piece that begins at `done`. Raises Damaged."""
        view = self._view
        left = min(PIECE_BYTES, self._size - done)
        try:
            while left:
                n = inflater.readinto(view if left >= len(view) else view[:left])
                if not n:
                    raise Damaged(self.code, "short", left)
                yield view if n == len(view) else view[:n]
                left -= n
            left = inflater.readinto(view[:1])  # this, too, reads the stream's end mark
        except (OSError, EOFError) as e:
            raise Damaged(self.code, repr(e))
        if left:
            raise Damaged(self.code, "long")


def _kind(index):
    return index and (PATCH if index[:4] == PATCH_MAGIC else PIECES)


def _hex(found):  # once: a digest ends its hash
    return hexlify(found.digest()).decode()


def _read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return None


def _remove(path):
    try:
        os.remove(path)
    except OSError:  # it was not there
        pass
