"""Manifests: each bad one gets its word, in MicroPython and in CPython."""

import hashlib
import json

import pytest

DIGEST = hashlib.sha256(b"x").hexdigest()
ME = {
    "product": "blink",
    "model": "ESP32_GENERIC",
    "abi": 6,
    "number": 3,
    "assigned": 4,
    "firmware": "ab" * 16,
}

SCRIPT = """
import io
from device.errors import DeviceError
from device.update import plan
text, me = given
try:
    manifest = plan.parse(io.BytesIO(text.encode()))
    plan.judge(manifest, me)
    print("good")
except DeviceError as e:
    print(e.code, type(e).__name__)
"""


def manifest(**changes):
    whole = {
        "format": 1,
        "product": "blink",
        "number": 4,
        "version": "1.2.0",
        "description": "Blink faster.",
        "boards": ["ESP32_GENERIC"],
        "abi": 6,
        "firmwares": [],
        "parts": {
            "app": {"files": [["app/main.mpy", 512, DIGEST], ["device/run.mpy", 2048, DIGEST]]}
        },
    }
    whole.update(changes)
    return {name: value for name, value in whole.items() if value is not None}


def with_files(*files):
    return manifest(parts={"app": {"files": [list(f) for f in files]}})


def with_path(path):
    return with_files((path, 1, DIGEST))


def nested(depth):
    return json.dumps(manifest(extra=0)).replace(
        '"extra": 0', '"extra": ' + "[" * depth + "]" * depth
    )


GOOD = {
    "plain": manifest(),
    "firmware it was tried on": manifest(firmwares=["cd" * 16, "ab" * 16]),
    "unknown fields": manifest(parts={**manifest()["parts"], "later": {}}, later=[1]),
    "nested as deep as it may be": nested(5),
    "brackets in text": manifest(description='[[[[[[[[ "\\" ]]] {{{{{{{{'),
    "the longest path": with_path("app/" + "a" * 92),
    "every character": with_path("lib/a-b_C.9/x"),
    "an empty file": with_files(("app/__init__.py", 0, DIGEST)),
}
BAD = {
    "empty": ("", "manifest-invalid"),
    "not JSON": ("{", "manifest-invalid"),
    "rubbish behind it": (json.dumps(manifest()) + "x", "manifest-invalid"),
    "a list": ([], "manifest-invalid"),
    "a number": ("4", "manifest-invalid"),
    "nested too deep": (nested(6), "manifest-invalid"),
    "nested without end": ("[" * 30000, "manifest-invalid"),
    "another format": (manifest(format=2), "manifest-invalid"),
    "no number": (manifest(number=None), "manifest-invalid"),
    "number true": (manifest(number=True), "manifest-invalid"),
    "number a text": (manifest(number="4"), "manifest-invalid"),
    "number a fraction": (manifest(number=4.0), "manifest-invalid"),
    "number nought": (manifest(number=0), "manifest-invalid"),
    "number too large": (manifest(number=2**31), "manifest-invalid"),
    "no parts": (manifest(parts=None), "manifest-invalid"),
    "no app part": (manifest(parts={}), "manifest-invalid"),
    "no files": (manifest(parts={"app": {"files": []}}), "manifest-invalid"),
    "files a text": (manifest(parts={"app": {"files": "x"}}), "manifest-invalid"),
    "a place for a file": (manifest(parts={"app": {"files": [0]}}), "manifest-invalid"),
    "a place before the start": (manifest(parts={"app": {"files": [-1]}}), "manifest-invalid"),
    "a place out of reach": (manifest(parts={"app": {"files": [2**80]}}), "manifest-invalid"),
    "a file without hash": (with_files(("app/x", 1)), "manifest-invalid"),
    "a hash of other letters": (with_files(("app/x", 1, "G" * 64)), "manifest-invalid"),
    "a hash too short": (with_files(("app/x", 1, "a" * 63)), "manifest-invalid"),
    "a negative size": (with_files(("app/x", -1, DIGEST)), "manifest-invalid"),
    "a huge size": (with_files(("app/x", 2**31, DIGEST)), "manifest-invalid"),
    "another number than assigned": (manifest(number=5), "manifest-invalid"),
    "path up": (with_path("app/../x"), "bad-path"),
    "path up at once": (with_path("../app/x"), "bad-path"),
    "path absolute": (with_path("/app/x"), "bad-path"),
    "path empty": (with_path(""), "bad-path"),
    "path too long": (with_path("app/" + "a" * 93), "bad-path"),
    "path here": (with_path("app/./x"), "bad-path"),
    "path with a gap": (with_path("app//x"), "bad-path"),
    "path of a folder": (with_path("app/"), "bad-path"),
    "path beside the folders": (with_path("boot.py"), "bad-path"),
    "path of the manifest": (with_path("release.json"), "bad-path"),
    "path like a folder": (with_path("application/x"), "bad-path"),
    "path with a back-slash": (with_path("app/a\\b"), "bad-path"),
    "path with a null": (with_path("app/a\0b"), "bad-path"),
    "path beyond ASCII": (with_path("app/ä"), "bad-path"),
    "path a number": (with_path(7), "bad-path"),
    "a file that is a folder too": (
        with_files(("app/x", 1, DIGEST), ("app/x/y", 1, DIGEST)),
        "bad-path",
    ),
    "twice": (
        with_files(("app/x", 1, DIGEST), ("app/y", 1, DIGEST), ("app/x", 1, DIGEST)),
        "duplicate-path",
    ),
    "another product": (manifest(product="fan"), "wrong-product"),
    "another board": (manifest(boards=["ESP32_GENERIC_S3"]), "wrong-board"),
    "no board": (manifest(boards=[]), "wrong-board"),
    "another ABI": (manifest(abi=7), "wrong-abi"),
    "another firmware": (manifest(firmwares=["cd" * 16]), "wrong-firmware"),
}


def run(on_both, what, me=ME):
    return on_both(SCRIPT, what if isinstance(what, str) else json.dumps(what), me)


@pytest.mark.parametrize("what", GOOD.values(), ids=GOOD)
def test_a_good_manifest_is_taken(on_both, what):
    assert run(on_both, what) == ["good"]


@pytest.mark.parametrize(("what", "word"), BAD.values(), ids=BAD)
def test_a_bad_manifest_is_refused_with_its_word(on_both, what, word):
    assert run(on_both, what) == [f"{word} Refused"]


@pytest.mark.parametrize("committed", (4, 5))
def test_a_number_not_above_the_highest_committed_is_refused(on_both, committed):
    assert run(on_both, manifest(), {**ME, "number": committed}) == ["old-number Refused"]


def test_a_board_that_cannot_tell_its_firmware_takes_no_release_tried_on_some(on_both):
    me = {**ME, "firmware": None}
    assert run(on_both, manifest(firmwares=["ab" * 16]), me) == ["wrong-firmware Refused"]
