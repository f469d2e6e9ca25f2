"""What this board believes of its host: metadata fetched into /state, releases looked up in it.

Loaded for a talk that needs it, and the only I/O around metadata.py (SPEC section 14).
"""

import asyncio
import json
import os
import time
from binascii import hexlify
from hashlib import sha256

from micropython import const

from device.errors import HttpError, Refused, StorageFull, Untrusted
from device.http import seconds
from device.protocol import EPOCH_2000
from device.update import metadata

_CHUNK = const(512)
_ENOSPC = const(28)
_ROOT_BYTES = const(16384)
_LATEST = const(0x7FFFFFFF)  # seconds since 2000 that NVS and the clock take
_FLEET = const("fleet.json")
_FLEET_BYTES = const(3072)  # NVS has 20 kB for everything
_SUMMARY = const("trusted.json")


class Held:
    """The metadata files in /state. A role's file is replaced as a whole, or not at all."""

    def __init__(self, folder):
        self._folder = folder
        self._fresh = folder + "/metadata.new"
        self._stream = None

    def open(self, role):
        """A stream of what is believed, or None."""
        try:
            return open(self._path(role), "rb")
        except OSError:
            return None

    def keep(self, role):
        """What was taken last is the role's from now on."""
        self._close()
        os.rename(self._fresh, self._path(role))  # littlefs swaps the name in one commit

    def drop(self, role):
        """Forget a role."""
        _remove(self._path(role))

    async def take(self, response):
        """The body of a response as a stream.

        Raises:
            StorageFull: there was no room.
        """
        self._close()
        size = response.left
        view = memoryview(bytearray(_CHUNK))
        try:
            with open(self._fresh, "wb") as f:
                while response.left:
                    n = await response.readinto(view)
                    f.write(view[:n])
        except OSError as e:
            await response.close()
            if e.errno == _ENOSPC:
                raise StorageFull("storage-full", "metadata", size)
            raise
        self._stream = open(self._fresh, "rb")
        return self._stream

    def clear(self):
        """What was taken and not kept goes."""
        self._close()
        _remove(self._fresh)

    def _close(self):
        if self._stream:
            self._stream.close()
            self._stream = None

    def _path(self, role):
        # a product may be called config or journal: a delegated role is never a file of ours
        name = role if role in metadata.TOP else "targets-" + metadata.quote(role)
        return self._folder + "/" + name + ".json"


class Trust:
    """Refreshes what is believed, and says whether a release is among it."""

    def __init__(self, http, store, nvs, clock, journal, reports, folder="/state"):
        self._http = http
        self._store = store
        self._nvs = nvs
        self._clock = clock
        self._journal = journal
        self._reports = reports
        self._held = Held(folder)

    async def follow(self):
        """Bring all roles up to date, and note what they say of the time and of the host.

        Raises:
            Untrusted: what was believed before stays; it was reported.
            NetworkError, HttpError, StorageFull: it stays likewise.
        """
        await self._watch(self._refresh(), {})

    async def vouch(self, release, me):
        """Return where approvers want this release on boards like `me`; refreshes first.

        Raises:
            Refused: `not-approved`.
            Untrusted: not now; also `no-clock`, for nobody knows what has expired.
            NetworkError, HttpError, StorageFull: later.
        """
        about = {name: release[name] for name in ("assignment", "number")}
        await self._watch(self._vouch(release, me), about)

    async def _watch(self, act, about):
        """Report doubt once for each assignment and word, until all is well again."""
        try:
            await act
            self._journal.keep(doubt="")
        except Untrusted as e:
            doubt = "%d %s" % (about.get("assignment", 0), e.code)
            if doubt != self._journal["doubt"]:
                self._journal.keep(doubt=doubt)
                self._reports.add("trust", reason=e.code, detail=e.detail(), **about)
            raise

    async def _refresh(self):
        try:
            trusted = await self._drive(metadata.refresh(self._held, self._now()))
        except Untrusted as e:
            if e.code == "bad-signature":
                await self._compare_roots()
            raise
        finally:
            self._held.clear()
        await self._note(trusted)
        return trusted

    async def _vouch(self, release, me):
        trusted = await self._refresh()
        path = "%s/%d.json" % (me.product, release["number"])
        try:
            entry = await self._drive(metadata.find(trusted, self._held, self._now(), path))
        finally:
            self._held.clear()
        if not is_for(entry, release, me):
            raise Refused("not-approved", path)
        if self._now() is None:
            raise Untrusted("no-clock", path)

    async def _drive(self, steps):
        """Run a generator of metadata.py to its end; its result."""
        answer = None
        try:
            while True:
                want = steps.send(answer)
                answer = None
                if want:
                    answer = await self._fetch(*want)
                else:
                    await asyncio.sleep_ms(0)
        except StopIteration as e:
            return e.value

    async def _fetch(self, name, limit):
        """A stream of a file of the host's, or None where it has none."""
        try:
            response = await self._http.get("/metadata/" + name)
        except HttpError as e:
            if e.status != 404:
                raise
            return None
        if response.left > limit:
            size = response.left
            await response.close()
            raise Untrusted("bad-metadata", name, size, limit)
        return await self._held.take(response)

    async def _read(self, name, limit):
        """The bytes of a file of the host's that is kept nowhere, or None where it has none."""
        stream = await self._fetch(name, limit)
        data = stream and stream.read()
        self._held.clear()
        return data

    async def _compare_roots(self):
        """Say so where this is the host of another fleet."""
        ours = self._store.read("root.json")
        name = "%d.root.json" % json.loads(ours)["signed"]["version"]
        theirs = await self._read(name, _ROOT_BYTES)
        if theirs and theirs != ours:
            raise Untrusted("other-root", _hex(theirs), _hex(ours))

    async def _note(self, trusted):
        """The floor, a new house, and last, for a cut in between, that all this is done."""
        targets = trusted.targets
        ends = {role: seconds_of(getattr(trusted, role)["expires"]) for role in metadata.TOP}
        self._raise_floor(min(seconds_of(targets.get("issued")), ends["root"], ends["targets"]))
        await self._look_for_fleet(targets["targets"].get(_FLEET))
        summary = {"versions": trusted.versions(), "until": min(ends.values()) + EPOCH_2000}
        if summary != self._store.load(_SUMMARY, {}):
            self._store.save(_SUMMARY, summary)

    def _raise_floor(self, floor):
        """Approvers knew the time, and signed it; past their own expiry nobody would update."""
        if self._clock.floor < floor <= _LATEST:
            self._nvs.set_number("floor", floor)
            self._clock.lift(floor)

    async def _look_for_fleet(self, entry):
        """Where the host will live; only top-level targets may say so, never a delegated role."""
        digest = entry and entry["hashes"].get("sha256")
        if not digest or digest.encode() == self._nvs.blob("house"):
            self._nvs.erase("moving")  # to where approvers no longer want us
            return
        known = self._nvs.number("moving") and self._nvs.blob("fleet", _FLEET_BYTES)
        if known and _hex(known) == digest:
            return
        data = await self._read(_FLEET, min(entry["length"], _FLEET_BYTES))
        if not data or _hex(data) != digest:
            raise Untrusted("bad-target", _FLEET, digest)
        self._nvs.set_blob("fleet", data)
        self._nvs.set_number("moving", 1)

    def _now(self):
        """The time as metadata writes it; None while nobody knows it."""
        return text_of(self._clock.now()) if self._clock.is_set else None


def is_for(entry, release, me):
    """Whether a target is this release, and for boards like `me`."""
    try:
        custom = entry["custom"]
        return (
            entry["hashes"]["sha256"] == release["manifest"]
            and entry["length"] == release["size"]
            and custom["product"] == me.product
            and custom["number"] == release["number"]
            and me.model in list(custom["boards"])
        )
    except (KeyError, TypeError):  # no such target, or one of another kind
        return False


def seconds_of(text):
    """Seconds since 2000 of a time in metadata; 0 where it is none."""
    try:
        fields = [int(text[at : at + 2]) for at in (5, 8, 11, 14, 17)]
        return seconds(int(text[:4]), *fields)
    except (IndexError, TypeError, ValueError):  # no text, or no such month
        return 0


def text_of(seconds_1970):
    """A time as metadata writes it."""
    if time.gmtime(0)[0] == 2000:  # the board's own epoch
        seconds_1970 -= EPOCH_2000
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % time.gmtime(seconds_1970)[:6]


def _hex(data):
    return hexlify(sha256(data).digest()).decode()


def _remove(path):
    try:
        os.remove(path)
    except OSError:  # it was not there
        pass
