"""Releases made of a candidate: what is changed, and what stays."""

import json

import pytest

from host.builder import release
from host.rig import releases
from simulator import build_image

IMAGE = build_image(version="v1.27.0")


@pytest.fixture
def candidate(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "mpfleet.json").write_text('{"product": "lamp", "boards": ["ESP32_GENERIC"]}')
    (tmp_path / "app/main.py").write_text("async def main(board):\n    pass\n")
    (tmp_path / "app/more.txt").write_text("more")
    return release.build(tmp_path, 7, 1795000000)


def app(made):
    return {path for path, _, _ in made.files if path.startswith("app/")}


def runtime(made):
    return {entry for entry in made.files if not entry[0].startswith("app/")}


@pytest.mark.parametrize(
    ("kind", "paths"),
    (
        (releases.baseline(), {"app/main.mpy"}),
        (releases.bad(), {"app/main.mpy", "app/more.txt"}),
        (releases.with_noise(), {"app/main.mpy", "app/more.txt", "app/rig-noise.bin"}),
    ),
    ids=("baseline", "bad", "noise"),
)
def test_a_variant_has_the_candidates_runtime_and_its_own_app(candidate, kind, paths):
    made = releases.variant(candidate, 9, kind)
    assert (made.number, made.product, runtime(made), app(made)) == (
        9,
        "lamp",
        runtime(candidate),
        paths,
    )


@pytest.mark.parametrize(
    "kind", (releases.bad(), releases.with_firmware("ESP32_GENERIC", IMAGE)), ids=("app", "both")
)
def test_a_variant_carries_each_blob_it_names(candidate, kind):
    made = releases.variant(candidate, 9, kind)
    digests = {name: release.digest(data) for name, data in made.blobs.items()}
    assert set(digests) == set(made.digests)
    assert all(name == found for name, found in digests.items())


def test_firmware_is_named_as_a_board_names_it(candidate):
    made = releases.variant(candidate, 9, releases.with_firmware("ESP32_GENERIC", IMAGE))
    assert made.images["ESP32_GENERIC"]["elf"] == releases.elf(IMAGE, "ESP32_GENERIC")


def test_the_candidates_firmware_stays_where_the_kind_says_nothing(candidate):
    whole = releases.variant(candidate, 8, releases.with_firmware("ESP32_GENERIC", IMAGE))
    assert releases.variant(whole, 9, releases.bad()).images == whole.images


def test_the_order_of_a_manifest_does_not_matter_to_its_bytes(candidate):
    one, two = (releases.variant(candidate, 9, releases.bad()) for _ in range(2))
    assert (
        one.manifest
        == two.manifest
        == json.dumps(
            json.loads(one.manifest), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
    )
