"""What host tests start from: people, boards, and releases small enough to read."""

import hashlib
import json
from types import SimpleNamespace

from host.models import Device, User
from host.services import claiming, secret, tokens
from host.services.clock import utc

DEVICE_ID = "24a160000001"
SECRET = "5e" * 32
MPY = b"M\x06\x00\x1f"  # head of a plain bytecode file
MAIN = MPY + b"main" * 20000  # three pieces, and well deflated


def make_user(db, email, role):
    """A person with a token, without the cost of a real password."""
    user = User(email=email, role=role, password_hash="!", created_at=utc())
    db.add(user)
    db.flush()
    text, _ = tokens.issue(db, user, "test", 3600)
    db.commit()
    return SimpleNamespace(
        id=user.id, email=email, token=text, headers={"Authorization": f"Bearer {text}"}
    )


def make_device(db, owner=None, device_id=DEVICE_ID, **fields):
    """A device, claimed if it has an owner."""
    given = {"state": "claimed" if owner else "unclaimed", "product": "blink",
             "model": "ESP32_GENERIC", "registered_at": utc(), "name": ""}  # fmt: skip
    device = Device(
        id=device_id, secret_digest=secret.digest(SECRET), owner_id=owner.id if owner else None,
        **{**given, **fields},
    )  # fmt: skip
    db.add(device)
    db.commit()
    return device


def make_waiting(db, settings, device_id=DEVICE_ID, **fields):
    """A device that waits for its person: (device, claim code)."""
    device = make_device(db, None, device_id, **fields)
    claiming.open_code(settings, device)
    db.commit()
    return device, claiming.code(settings, device)


def sha256(content):
    """The name of bytes."""
    return hashlib.sha256(content).hexdigest()


def manifest_value(number=2, files=None, **fields):
    """The fields of a manifest over files (path → content)."""
    files = {"app/main.mpy": MAIN} if files is None else files
    listed = sorted([path, len(content), sha256(content)] for path, content in files.items())
    value = {"format": 1, "product": "blink", "number": number, "version": f"1.{number}",
             "description": "Blink.", "created_at": 1795000000, "boards": ["ESP32_GENERIC"],
             "abi": 6, "firmwares": [], "parts": {"app": {"files": listed}}}  # fmt: skip
    return {**value, **fields}


def encode(value):
    """The bytes of a manifest."""
    return json.dumps(value).encode()


PASSPHRASE = "correct horse battery"

