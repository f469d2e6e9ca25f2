"""Moving house: the host's new addresses, name and CAs are tried; the old stay until they worked.

`fleet.json` (SPEC section 14), a signed target, waits in NVS until then: that outlives the file
system, and holds all of it, so that a cut between two keys is mended by trying once more.
"""

import json
from binascii import a2b_base64, hexlify
from hashlib import sha256

from micropython import const

from device.connection import Host
from device.errors import HttpError, NetworkError, Untrusted
from device.http import Http
from device.protocol import credentials

_BYTES = const(3072)
_ANSWER_BYTES = const(2048)
_CAS = ("ca", "ca2")  # NVS keys
_FORMAT = const(1)
_TOLD = const(2)  # of NVS key `moving`: that it failed was reported


async def attempt(r):
    """Try the new house of runtime `r`; returns where it does not take us, or is where we live.

    Resets the board once it has moved.
    """
    data = r.nvs.blob("fleet", _BYTES) or b""
    try:
        settings, cas = parse(data)
    except Untrusted as e:  # approvers signed nonsense
        _tell(r, e)
        return _forget(r.nvs, data)
    if not _is_home(r.nvs, settings, cas):
        try:
            await _ask(r, Host(settings, cas, r.power))
        except (NetworkError, HttpError) as e:  # later: the old house may still do
            return _tell(r, e)
        _settle(r.nvs, settings, cas)
        _forget(r.nvs, data)
        return await r.power.restart("moved house")
    return _forget(r.nvs, data)


def parse(data):
    """(settings as under NVS key `host`, list of CAs) of a fleet.json.

    Raises:
        Untrusted: `bad-target`; moving there could only lose the board.
    """
    try:
        given = json.loads(data)
        settings = {name: given[name] for name in ("addresses", "port", "mqtt_port", "name")}
        cas = [a2b_base64(ca) for ca in given["cas"]]
        if given["format"] == _FORMAT and 0 < len(cas) <= len(_CAS) and _is_place(**settings):
            return settings, cas
    except (KeyError, TypeError, ValueError, RuntimeError):  # not JSON, or of another shape
        pass
    raise Untrusted("bad-target", "fleet.json")


def _is_place(addresses, port, mqtt_port, name):
    texts, ports = [name] + addresses, (port, mqtt_port)
    return (
        len(texts) > 1
        and all(isinstance(text, str) and text for text in texts)
        and all(isinstance(n, int) and 0 < n < 65536 for n in ports)
    )


def _is_home(nvs, settings, cas):
    try:
        has = json.loads(nvs.blob("host") or b"")
    except ValueError:
        return False
    known = [ca for ca in [nvs.blob(key) for key in _CAS] if ca]
    return known == cas and all(has.get(name) == settings[name] for name in settings)


async def _ask(r, host):
    """Whether the new host takes this board for what it is.

    Raises:
        NetworkError, HttpError: it does not.
    """
    me = r.identity
    http = Http(host, r.clock, r.log, credentials(me.id, me.secret_hex))
    try:
        await (await http.get("/assignment")).json(_ANSWER_BYTES)
    finally:
        http.close()


def _settle(nvs, settings, cas):
    """The new house is ours. A cut in here leaves `fleet` to try, which is whole."""
    nvs.set_blob("host", json.dumps(settings).encode())
    for key, ca in zip(_CAS, cas):
        nvs.set_blob(key, ca)
    if len(cas) < len(_CAS):
        nvs.erase(_CAS[1])


def _forget(nvs, data):
    """This fleet.json is dealt with: it is not fetched again."""
    nvs.set_blob("house", hexlify(sha256(data).digest()))
    nvs.erase("moving")
    nvs.erase("fleet")


def _tell(r, e):
    """Once for each fleet.json."""
    r.log("move", e.detail())
    if r.nvs.number("moving") != _TOLD:
        r.nvs.set_number("moving", _TOLD)
        r.reports.add("trust", reason=e.code, detail="fleet.json: " + e.detail())
