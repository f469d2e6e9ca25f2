"""Releases that bring firmware: what goes into the manifest, and what is refused."""

import hashlib
import json

import pytest

from host.builder import bundle, release
from host.builder.errors import BuildError
from host.services import manifest
from simulator import build_image

IMAGE = build_image(version="v1.27.0", payload=b"x" * 5000)


def build(folder, root, *images):
    return release.build(folder, 1, 1795000000, root, images)


@pytest.fixture
def file(tmp_path):
    """An image file."""
    (tmp_path / "firmware.bin").write_bytes(IMAGE)
    return str(tmp_path / "firmware.bin")


def word(folder, root, *images):
    with pytest.raises(BuildError) as refused:
        build(folder, root, *images)
    return refused.value.code


def test_the_manifest_names_size_hash_and_elf_hash_for_the_board(folder, root, file):
    built = build(folder, root, file)
    name = hashlib.sha256(IMAGE).hexdigest()
    said = {"size": len(IMAGE), "sha256": name, "elf": IMAGE[176:192].hex()}
    assert built.value["parts"]["firmware"] == {"ESP32_GENERIC": said}
    assert built.blobs[name] == IMAGE


def test_the_host_takes_it(folder, root, file):
    parsed = manifest.parse(build(folder, root, f"ESP32_GENERIC={file}").manifest)
    assert [m for m, _, _ in parsed.images] == ["ESP32_GENERIC"]


def test_a_release_without_firmware_says_nothing_of_it(folder, root):
    assert "firmware" not in build(folder, root).value["parts"]


def test_a_bundle_carries_the_image(folder, root, file, tmp_path):
    built = build(folder, root, file)
    bundle.write(built, tmp_path / "x.mpfleet")
    assert bundle.read(tmp_path / "x.mpfleet") == built


def test_a_damaged_file_is_refused(folder, root, file, tmp_path):
    (tmp_path / "firmware.bin").write_bytes(IMAGE[:-1])
    assert word(folder, root, file) == "bad-image"


def test_another_chip_is_refused(folder, root, file, tmp_path):
    (tmp_path / "firmware.bin").write_bytes(IMAGE[:12] + b"\x09" + IMAGE[13:])
    assert word(folder, root, file) == "wrong-chip"


def test_a_board_that_the_release_is_not_for_is_refused(folder, root, file):
    assert word(folder, root, f"PICO_W={file}") == "wrong-board"


def test_two_images_for_one_board_are_refused(folder, root, file):
    assert word(folder, root, file, f"ESP32_GENERIC={file}") == "duplicate-path"


def test_a_file_that_is_not_there_is_refused(folder, root):
    assert word(folder, root, "nothing.bin") == "no-file"


def test_with_two_boards_the_image_must_say_which(folder, root, file):
    text = json.loads((folder / "mpfleet.json").read_text())
    text["boards"] = ["ESP32_GENERIC", "ESP32_GENERIC_S3"]
    (folder / "mpfleet.json").write_text(json.dumps(text))
    assert word(folder, root, file) == "wrong-board"
