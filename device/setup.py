"""What deploy runs on the board over USB: put settings where they belong, say what is on it."""

import json
import os
from binascii import a2b_base64, hexlify
from hashlib import sha256

from device.errors import Untrusted
from device.identity import Identity
from device.store import Config, Nvs, Store

_TRUSTED = ("timestamp.json", "snapshot.json", "targets.json", "trusted.json")
_ONCE_CLAIMED = -2  # NVS `opened`
# NVS keys that go when another is given: a move that is under way, the second CA.
_SUPERSEDED = {"host": "moving", "ca": "ca2", "token": "moving"}


def apply(text):
    """Write what a JSON object gives and is not there already; absent keys leave what is there.

    Keys: host, ca (base64 of DER), floor and number (never lowered), token, config (merged), wifi,
    active, watchdog_s, root (base64 of root.json), replace_root.

    Raises:
        Untrusted: `other-root`, before anything is changed.
    """
    given = json.loads(text)
    nvs, store = Nvs(), Store()
    _apply_root(given, store)
    _open_anew(nvs, store)
    _apply_nvs(given, nvs, store)
    _apply_state(given, store)
    config = Config(store)
    _apply_record(given, config.watchdog_s)
    Identity(nvs, config)  # makes the secret


def status():
    """Print one line of JSON about this board."""
    from device.update import firmware
    from device.update.record import BootRecord

    nvs, store = Nvs(), Store()
    has_secret = nvs.blob("secret") is not None
    me = Identity(nvs, Config(store))
    record = BootRecord()
    elf = firmware.hex_elf(firmware.running())
    stat = os.statvfs("/")
    print(
        json.dumps(
            {
                "id": me.id,
                "model": me.model,
                "product": me.product,
                "abi": me.abi,
                "firmware": me.firmware,
                "elf": elf,
                "number": nvs.number("number", 0),
                "floor": nvs.number("floor", 0),
                "active": record.active,
                "trial": record.trial,
                "has_secret": has_secret,
                "has_host": nvs.blob("host") is not None,
                "has_wifi": bool(store.load("wifi.json", [])),
                "root": _about_root(store),
                # statvfs counts below nothing when the flash is full
                "free_bytes": min(stat[3], stat[2]) * stat[0] if stat[3] < 1 << 24 else 0,
            }
        )
    )


def _about_root(store):
    """Version and SHA-256 of what is held: by them a host tells whether it is of its chain."""
    version = store.load("root.json", {}).get("signed", {}).get("version")
    return {"version": version, "sha256": _hex(store.read("root.json"))} if version else None


def _apply_root(given, store):
    """The first root comes by deploy; what is held is kept, for the runtime follows its chain."""
    new, held = a2b_base64(given.get("root", "")), _about_root(store)
    if not new or (held and held["sha256"] == _hex(new)):
        return
    if held and not given.get("replace_root"):
        if held["version"] == json.loads(new)["signed"]["version"]:
            raise Untrusted("other-root", _hex(new), held["sha256"])
        return
    for name in os.listdir("/state") if held else ():
        if name in _TRUSTED or name.startswith("targets-"):
            store.remove(name)
    store.write("root.json", new)


def _open_anew(nvs, store):
    """Provisioning may stand open again (SPEC section 16), unless this board ever was somebody's.

    First, for what the host said of it may be forgotten next.
    """
    is_claimed = store.load("registration.json", {}).get("state") == "claimed"
    opened = _ONCE_CLAIMED if is_claimed else 0
    if nvs.number("opened") not in (opened, _ONCE_CLAIMED):
        nvs.set_number("opened", opened)


def _hex(data):
    return hexlify(sha256(data).digest()).decode()


def _apply_nvs(given, nvs, store):
    blobs = {}
    if "host" in given:
        blobs["host"] = json.dumps(given["host"]).encode()
    if "ca" in given:
        blobs["ca"] = a2b_base64(given["ca"])
    if given.get("token"):
        blobs["token"] = given["token"].encode()
    for key, value in blobs.items():
        if nvs.blob(key) != value:
            _register_anew(store)  # with another host, or for another owner
            nvs.erase(_SUPERSEDED[key])
            nvs.set_blob(key, value)
    for key in ("floor", "number"):
        if given.get(key, 0) > nvs.number(key, 0):
            nvs.set_number(key, given[key])


def _apply_state(given, store):
    if "config" in given:
        old = store.load("config.json", {})
        new = dict(old)
        new.update(given["config"])
        if new != old:
            _register_anew(store)  # the host hears of another product or model by it
            store.save("config.json", new)
    if "wifi" in given and given["wifi"] != store.load("wifi.json", []):
        store.save("wifi.json", given["wifi"])


def _register_anew(store):
    """First, for a power cut in between: what is not new any more is not written again."""
    store.remove("registration.json")


def _apply_record(given, watchdog_s):
    from device.update import firmware
    from device.update.record import NONE, TRIES, BootRecord

    record = BootRecord()
    told = given.get("watchdog_s", given.get("config", {}).get("watchdog_s"))
    if told is None:
        told = record.watchdog_s if record.is_valid else watchdog_s
    changes = {"watchdog_s": told}
    if "active" in given:
        changes.update(
            active=given["active"],
            firmware=firmware.running(),
            trial=NONE,
            committing=0,
            tries=TRIES,
            crashes=0,
            wakes=0,
            rounds=0,
            reason="",
            number=0,
        )
    elif record.active != NONE and record.trial == NONE:
        running = firmware.running()
        if record.firmware != running:  # flashed anew over USB: whoever did it means it
            changes.update(firmware=running, tries=TRIES, crashes=0)
    if [name for name in changes if getattr(record, name) != changes[name]]:
        record.change(**changes)
