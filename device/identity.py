"""Who this board is: id, secret, model and what firmware runs (SPEC section 1)."""

import os
import sys
from binascii import hexlify

import machine
from micropython import const

_SECRET_BYTES = const(32)


class Identity:
    """The names under which a board registers; makes its secret on first use."""

    def __init__(self, nvs, config):
        unique = machine.unique_id()
        self.id = hexlify(unique).decode()
        self.mac = hexlify(unique, ":").decode()
        self.product = config.product
        self.model = config.model or build_model(getattr(sys.implementation, "_build", ""))
        self.abi = abi()
        self.firmware = firmware_version(sys.version)
        self.secret_hex = hexlify(_secret(nvs)).decode()


def build_model(build):
    """Board model of a firmware's build name: `ESP32_GENERIC` of `ESP32_GENERIC-OTA`."""
    return build.split("-")[0]


def abi():
    """Version of the .mpy files this firmware loads."""
    return getattr(sys.implementation, "_mpy", 0) & 0xFF


def firmware_version(text):
    """Version word of sys.version: `v1.26.0` of `3.4.0; MicroPython v1.26.0 on 2025-08-09`."""
    words = text.split("MicroPython ")[-1].split(" ")
    return words[0][:32]


def _secret(nvs):
    secret = nvs.blob("secret")
    if secret is None or len(secret) != _SECRET_BYTES:
        secret = os.urandom(_SECRET_BYTES)
        nvs.set_blob("secret", secret)
    return secret
