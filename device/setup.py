"""What deploy runs on the board over USB: put settings where they belong, say what is on it."""

import json
import os
from binascii import a2b_base64, hexlify

from device.identity import Identity
from device.store import Config, Nvs, Store


def apply(text):
    """Write what a JSON object gives and is not there already; absent keys leave what is there.

    Keys: host, ca (base64 of DER), floor and number (never lowered), token, config (merged), wifi,
    active, watchdog_s.
    """
    given = json.loads(text)
    nvs, store = Nvs(), Store()
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
    running = firmware.running()
    elf = hexlify(running[1]).decode() if running else None
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
                # statvfs counts below nothing when the flash is full
                "free_bytes": min(stat[3], stat[2]) * stat[0] if stat[3] < 1 << 24 else 0,
            }
        )
    )


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
