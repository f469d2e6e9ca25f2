"""What a manifest may say (SPEC section 5), case by case."""

import json

import pytest
from host_samples import encode, manifest_value

from host.errors import HostError
from host.services import manifest

HASH = "0" * 64


def with_files(*files):
    """A manifest over [path, size, sha256] as given."""
    return encode(manifest_value(parts={"app": {"files": list(files)}}))


def word(content):
    """The word a manifest is refused with."""
    with pytest.raises(HostError) as refused:
        manifest.parse(content)
    return refused.value.code


def test_a_good_manifest_is_read():
    parsed = manifest.parse(encode(manifest_value(4, surplus="ignored")))
    assert (parsed.product, parsed.number, parsed.abi) == ("blink", 4, 6)
    assert [path for path, _, _ in parsed.files] == ["app/main.mpy"]


PATHS = (
    "", "main.mpy", "/app/main.mpy", "../app/x", "app/../x", "app/./x", "app//x", "app/", "app",
    "app/x\n", "app/ü", "app\\x", "app/a b", "release.json", "slots/x", "app/" + "x" * 93, 5, None,
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_a_path_that_leaves_the_slot_is_refused(path):
    assert word(with_files([path, 1, HASH])) == "bad-path"


def test_the_longest_path_is_taken():
    path = "app/" + "x" * 92
    assert manifest.parse(with_files([path, 1, HASH])).files[0][0] == path


def test_a_path_twice_is_refused():
    assert word(with_files(["app/x", 1, HASH], ["app/x", 1, HASH])) == "duplicate-path"


def test_a_file_that_is_a_folder_too_is_refused():
    assert word(with_files(["app/x", 1, HASH], ["app/x/y", 1, HASH])) == "bad-path"


FILES = (
    [["app/y", 1, HASH], ["app/x", 1, HASH]],
    [["app/x", -1, HASH]],
    [["app/x", 1.0, HASH]],
    [["app/x", True, HASH]],
    [["app/x", 2**31, HASH]],
    [["app/x", 1, HASH.upper() + "A"]],
    [["app/x", 1, "A" * 64]],
    [["app/x", 1, HASH + "\n"]],
    [["app/x", 1]],
    [["app/x", 1, HASH, 1]],
    [["app/x", 1, HASH], ["app/y", 2, HASH]],
    ["app/x"],
    [],
    {},
)


@pytest.mark.parametrize("files", FILES, ids=str)
def test_odd_files_are_refused(files):
    assert word(encode(manifest_value(parts={"app": {"files": files}}))) == "manifest-invalid"


FIELDS = (
    ("format", 2), ("product", "Blink"), ("product", "blink\n"), ("number", 0), ("number", 2**31),
    ("number", True), ("number", "4"), ("version", "x" * 33), ("version", None),
    ("description", 5), ("created_at", -1), ("boards", []), ("boards", "ESP32_GENERIC"),
    ("boards", ["a b"]), ("abi", 256), ("abi", None), ("firmwares", ["x"]), ("parts", {}),
    ("parts", None), ("parts", {"app": None}), ("version", "1\n2"), ("version", "\x1b[2J"),
    ("description", "a\0b"), ("description", "\x9b2J"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "value"), FIELDS, ids=str)
def test_an_odd_field_is_refused(name, value):
    assert word(encode(manifest_value(**{name: value}))) == "manifest-invalid"


@pytest.mark.parametrize("name", ("format", "product", "number", "boards", "abi", "parts"))
def test_a_missing_field_is_refused(name):
    value = manifest_value()
    del value[name]
    assert word(encode(value)) == "manifest-invalid"


def test_a_firmware_part_is_for_a_later_format():
    parts = {"app": {"files": [["app/x", 1, HASH]]}, "firmware": {}}
    assert word(encode(manifest_value(parts=parts))) == "manifest-invalid"


NOT_JSON = {
    "nothing": b"",
    "half": encode(manifest_value())[:-1],
    "not UTF-8": encode(manifest_value(description="X")).replace(b"X", b"\xff"),
    "a list": b"[]",
    "a number": b"5",
    "a key twice": encode(manifest_value()).replace(b"{", b'{"number": 9, ', 1),
    "not a number": encode(manifest_value(surplus=float("nan"))),
    "a number without end": encode(manifest_value()).replace(b"1795000000", b"9" * 9000),
    "nested without end": b"[" * 30000,
    "nested seven deep": json.dumps({**manifest_value(), "x": [[[[[[[]]]]]]]}).encode(),
}


@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_no_manifest_is_refused(content):
    assert word(content) == "manifest-invalid"


def test_a_manifest_over_32_kb_is_refused_before_it_is_read():
    assert word(b" " * 32769) == "manifest-too-large"


IMAGE = {"size": 1447440, "sha256": HASH, "elf": "1" * 32}


def with_firmware(images):
    app = {"files": [["app/x", 1, HASH]]}
    return encode(manifest_value(parts={"app": app, "firmware": images}))


def test_a_firmware_part_is_read():
    other = {**IMAGE, "sha256": "2" * 64}
    parsed = manifest.parse(with_firmware({"ESP32_GENERIC": other}))
    assert parsed.images == [("ESP32_GENERIC", 1447440, "2" * 64)]


IMAGES = (
    {}, [], {"ESP32_GENERIC": 5}, {"PICO_W": {**IMAGE, "sha256": "2" * 64}},
    {"ESP32_GENERIC": {**IMAGE, "size": 0}}, {"ESP32_GENERIC": {**IMAGE, "elf": "xyz"}},
    {"ESP32_GENERIC": {**IMAGE, "sha256": "short"}}, {"ESP32_GENERIC": {"size": 1}},
    {"ESP32_GENERIC": IMAGE},  # the hash of app/x, with another size
)  # fmt: skip


@pytest.mark.parametrize("images", IMAGES, ids=repr)
def test_a_firmware_part_that_makes_no_sense_is_refused(images):
    assert word(with_firmware(images)) == "manifest-invalid"
