"""The board's TUF client with the command line of the official conformance suite.

Runs on MicroPython: only the fetching and the files here are other than on a board.
"""

import os
import socket
import sys
import time
from binascii import hexlify
from hashlib import sha256

from device.errors import DeviceError, Untrusted
from device.update import metadata

_TARGET_BYTES = 1 << 20
_CHUNK = 512


class Held:
    """Files of a folder, named as the suite wants them."""

    def __init__(self, folder):
        self._folder = folder
        self.fresh = folder + "/.fresh"

    def _path(self, role):
        return self._folder + "/" + metadata.quote(role) + ".json"

    def open(self, role):
        try:
            return open(self._path(role), "rb")
        except OSError:
            return None

    def keep(self, role):
        os.rename(self.fresh, self._path(role))

    def drop(self, role):
        try:
            os.remove(self._path(role))
        except OSError:  # it was not there
            pass


def fetch(url, limit, path):
    """Bytes behind a URL into a file: how many, or None at 404 and 403.

    Raises:
        Untrusted: longer than the limit, which is enforced while they come.
    """
    _, _, place, name = url.split("/", 3)
    host, port = place.split(":") if ":" in place else (place, "80")
    s = socket.socket()
    s.connect(socket.getaddrinfo(host, int(port))[0][-1])
    s.write(b"GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n" % (name.encode(), place.encode()))
    status = int(s.readline().split()[1])
    while s.readline() not in (b"\r\n", b""):
        pass
    if status in (403, 404):
        return None
    if status != 200:
        raise Untrusted("bad-metadata", name, status)
    total = 0
    with open(path, "wb") as f:
        while True:
            chunk = s.read(_CHUNK)
            if not chunk:
                return total
            total += len(chunk)
            if total > limit:
                raise Untrusted("bad-metadata", name, "over", limit)
            f.write(chunk)


def drive(steps, url, held):
    """Run a generator of metadata.py to its end; its result."""
    answer = None
    try:
        while True:
            want = steps.send(answer)
            answer = None
            if want:
                name, limit = want
                there = fetch(url + "/" + name, limit, held.fresh)
                answer = None if there is None else open(held.fresh, "rb")
    except StopIteration as e:
        return e.value


def now():
    """The time as metadata writes it."""
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % time.gmtime()[:6]


def download(name, options, held, trusted):
    entry = drive(metadata.find(trusted, held, now(), name), options["--metadata-url"], held)
    if entry is None:
        raise Untrusted("bad-target", name, "is not there")
    digest = entry["hashes"].get("sha256") or entry["hashes"]["sha512"]
    folder, _, last = name.rpartition("/")
    if trusted.root["consistent_snapshot"]:
        last = digest + "." + last
    url = options["--target-base-url"] + "/" + (folder + "/" if folder else "") + last
    path = options["--target-dir"] + "/" + metadata.quote(name)
    if is_there(path, entry):
        return
    if fetch(url, min(entry["length"], _TARGET_BYTES), held.fresh) is None:
        raise Untrusted("bad-target", name, "is missing")
    check(held.fresh, entry)
    os.rename(held.fresh, path)


def is_there(path, entry):
    try:
        check(path, entry)
    except (OSError, Untrusted):
        return False
    return True


def check(path, entry):
    """Raise unless the file's length and every hash of it that we compute are the target's."""
    digests = {"sha256": sha256()}
    if "sha512" in entry["hashes"]:
        from ed25519 import Sha512  # rare, and large

        digests["sha512"] = Sha512()
    length = 0
    with open(path, "rb") as f:
        chunk = f.read(_CHUNK)
        while chunk:
            length += len(chunk)
            for digest in digests.values():
                digest.update(chunk)
            chunk = f.read(_CHUNK)
    found = {word: hexlify(digest.digest()).decode() for word, digest in digests.items()}
    wanted = {word: digest for word, digest in entry["hashes"].items() if word in digests}
    if not wanted or length != entry["length"]:
        raise Untrusted("bad-target", path, length, entry)
    if any(found[word] != digest for word, digest in wanted.items()):
        raise Untrusted("bad-target", path, found, wanted)


def main(arguments):
    options = {}
    words = []
    names = []
    while arguments:
        word = arguments.pop(0)
        if word == "--target-name":
            names.append(arguments.pop(0))
        elif word.startswith("--"):
            options[word] = arguments.pop(0).rstrip("/")
        else:
            words.append(word)
    held = Held(options["--metadata-dir"])
    if words[0] == "init":
        with open(words[1], "rb") as source, open(held.fresh, "wb") as f:
            f.write(source.read())
        held.keep("root")
        return
    trusted = drive(metadata.refresh(held, now()), options["--metadata-url"], held)
    for name in names:
        download(name, options, held, trusted)


try:
    main(sys.argv[1:])
except (DeviceError, OSError) as e:
    print(repr(e))
    sys.exit(1)
