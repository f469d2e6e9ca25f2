"""What becomes of an app folder, and what is refused."""

import hashlib
import json
import subprocess
import zipfile

import pytest

from host.builder import bundle, release
from host.builder.errors import BuildError
from simulator import micropython

MICROPYTHON = str(micropython())


def build(folder, root, number=1):
    return release.build(folder, number, 1795000000, root)


def test_the_same_input_gives_the_same_bytes(folder, root):
    assert build(folder, root) == build(folder, root)


def test_the_hashes_do_not_depend_on_where_the_folder_lies(folder, root, tmp_path):
    first = build(folder, root)
    assert build(folder.rename(tmp_path / "moved"), root).manifest == first.manifest


def test_the_manifest_is_canonical_json_with_sorted_files(folder, root):
    (folder / "app/zebra.txt").write_text("stripes")
    value = build(folder, root).value
    assert [f[0] for f in value["parts"]["app"]["files"]] == [
        "app/main.mpy",
        "app/zebra.txt",
        "device/run.mpy",
        "device/update/client.mpy",
    ]
    text = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    assert build(folder, root).manifest == text


def test_each_blob_is_named_by_its_hash(folder, root):
    built = build(folder, root)
    assert {hashlib.sha256(b).hexdigest(): b for b in built.blobs.values()} == built.blobs
    assert {sha256 for _, _, sha256 in built.files} == set(built.blobs)


def test_other_files_travel_as_they_are(folder, root):
    (folder / "app/data.bin").write_bytes(b"\0\1\2")
    assert b"\0\1\2" in build(folder, root).blobs.values()


def test_droppings_of_editors_and_of_cpython_stay_behind(folder, root):
    (folder / "app/__pycache__").mkdir()
    for name in ("__pycache__/main.pyc", ".hidden", "main.py~"):
        (folder / "app" / name).write_text("x")
    assert len(build(folder, root).files) == 3


def test_tracebacks_name_the_source_file(folder, root):
    built = build(folder, root)
    assert any(b"app/main.py\0" in blob for blob in built.blobs.values())


def test_tracebacks_have_line_numbers(folder, root, tmp_path):
    (folder / "app/main.py").write_text("def f():\n    pass\n\n\nraise ValueError('five')\n")
    built = build(folder, root)
    sha256 = next(s for p, _, s in built.files if p == "app/main.mpy")
    (tmp_path / "five.mpy").write_bytes(built.blobs[sha256])
    ran = subprocess.run(
        [MICROPYTHON, "-c", "import five"], cwd=tmp_path, capture_output=True, check=False
    )
    assert b'File "app/main.py", line 5' in ran.stderr + ran.stdout


def test_golden_has_setup_and_a_release_has_not(folder, root):
    assert "device/setup.mpy" in release.golden(root)
    assert "device/setup.mpy" not in [f[0] for f in build(folder, root).files]


NATIVE = "import micropython\n@micropython.native\ndef f():\n    pass\n"

REFUSALS = {  # file, content, word, where
    "native": ("app/fast.py", NATIVE, "native-code", "app/fast.py:2"),
    "viper": ("lib/fast.py", NATIVE.replace("native", "viper"), "native-code", "lib/fast.py:2"),
    "assembler": (
        "app/asm.py",
        "@micropython.asm_xtensa\ndef f():\n    nop()\n",
        "native-code",
        "app/asm.py:1",
    ),
    "native mpy": ("app/n.mpy", "M\x06\x2b\x1f", "native-code", "app/n.mpy"),
    "old mpy": ("app/o.mpy", "M\x05\x02\x1f", "wrong-abi", "app/o.mpy"),
    "no mpy": ("app/o.mpy", "hello", "wrong-abi", "app/o.mpy"),
    "syntax": ("app/bad.py", "x = 1\ndef f(:\n", "syntax-error", "app/bad.py:2"),
    "space": ("app/my file.txt", "x", "bad-path", "app/my file.txt"),
    "umlaut": ("app/tür.txt", "x", "bad-path", "app/tür.txt"),
    "long": ("app/" + "x" * 93, "x", "bad-path", "app/" + "x" * 93),
    "twice": ("app/main.mpy", "M\x06\x00\x1f", "duplicate-path", "app/main.py"),
    "not JSON": ("mpfleet.json", "{", "bad-description", "mpfleet.json"),
    "a list": ("mpfleet.json", "[]", "bad-description", "mpfleet.json"),
    "no product": ("mpfleet.json", '{"boards": ["X"]}', "bad-description", "mpfleet.json"),
    "no boards": ("mpfleet.json", '{"product": "b"}', "bad-description", "mpfleet.json"),
    "bad product": (
        "mpfleet.json",
        '{"product": "../b", "boards": ["X"]}',
        "bad-description",
        "mpfleet.json",
    ),
    "control characters": (
        "mpfleet.json",
        '{"product": "b", "boards": ["X"], "version": "\\u001b[2J"}',
        "bad-description",
        "mpfleet.json",
    ),
    "two lines": (
        "mpfleet.json",
        '{"product": "b", "boards": ["X"], "version": "1\\n2"}',
        "bad-description",
        "mpfleet.json",
    ),
    "astral": (
        "mpfleet.json",
        '{"product": "b", "boards": ["X"], "version": "\\ud83d\\ude00"}',
        "bad-description",
        "mpfleet.json",
    ),
}


@pytest.mark.parametrize(("path", "content", "word", "place"), REFUSALS.values(), ids=REFUSALS)
def test_a_folder_that_is_no_release_is_refused(folder, root, path, content, word, place):
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_bytes(content.encode("latin-1", "ignore"))
    with pytest.raises(BuildError) as caught:
        build(folder, root)
    assert (caught.value.code, caught.value.place.endswith(place)) == (word, True)


def test_an_app_without_main_is_refused(folder, root):
    (folder / "app/main.py").unlink()
    with pytest.raises(BuildError, match="no-main"):
        build(folder, root)


def test_a_missing_runtime_is_named(folder, tmp_path):
    with pytest.raises(BuildError, match="device: the board's runtime is not there"):
        build(folder, tmp_path / "elsewhere")


@pytest.mark.parametrize("number", (0, -1, 2**31))
def test_a_number_that_no_board_would_take_is_refused(folder, root, number):
    with pytest.raises(BuildError, match="bad-number"):
        build(folder, root, number)


def test_a_list_of_files_too_long_for_a_board_is_refused(folder, root):
    for n in range(400):
        (folder / f"app/{n}.txt").write_text(str(n))
    with pytest.raises(BuildError, match="manifest-too-large"):
        build(folder, root)


def test_a_bundle_gives_back_the_release(folder, root, tmp_path):
    built = build(folder, root, number=7)
    assert bundle.name(built) == "blink-7.mpfleet"
    bundle.write(built, tmp_path / "b.mpfleet")
    assert bundle.read(tmp_path / "b.mpfleet") == built


def test_the_same_release_makes_the_same_bundle(folder, root, tmp_path):
    for name in ("one", "two"):
        bundle.write(build(folder, root), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_damaged_bundle_is_refused(folder, root, tmp_path):
    built = build(folder, root)
    sha256 = next(iter(built.blobs))
    bundle.write(release.Release(built.manifest, {**built.blobs, sha256: b"x"}), tmp_path / "b")
    with pytest.raises(BuildError, match="damaged"):
        bundle.read(tmp_path / "b")


def patched(path, flag, method):
    """Set the flags and the compression method of every file in a zip."""
    data = bytearray(path.read_bytes())
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(magic)
        while start >= 0:
            data[start + at : start + at + 4] = bytes((flag, 0, method, 0))
            start = data.find(magic, start + 1)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("flag", "method"), ((1, 0), (0, 99), (0, 8)), ids=["encrypted", "unknown", "not deflated"]
)
def test_a_bundle_packed_in_another_way_is_refused(folder, root, tmp_path, flag, method):
    bundle.write(build(folder, root), tmp_path / "b")
    patched(tmp_path / "b", flag, method)
    with pytest.raises(BuildError, match="bundle-invalid"):
        bundle.read(tmp_path / "b")


MANIFESTS = {
    "nested deep": b"[" * 30000,
    "a list": b"[]",
    "no files": b'{"parts": {"app": {"files": [7]}}}',
    "a name that leads out": b'{"parts": {"app": {"files": [["a", 1, "../../x"]]}}}',
}


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_a_bundle_with_an_odd_manifest_is_refused_and_nothing_unpacked(tmp_path, manifest):
    with zipfile.ZipFile(tmp_path / "b", "w") as archive:
        archive.writestr("manifest.json", manifest)
        archive.writestr("blobs/../../x", b"out")
    with pytest.raises(BuildError, match="bundle-invalid"):
        bundle.read(tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_bundle_that_swells_is_refused_before_it_does(folder, root, tmp_path):
    built = build(folder, root)
    with zipfile.ZipFile(tmp_path / "b", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", built.manifest)
        for sha256 in built.blobs:
            archive.writestr(f"blobs/{sha256}", bytes(1 << 24))
    with pytest.raises(BuildError, match="larger than"):
        bundle.read(tmp_path / "b")


@pytest.mark.parametrize("content", (b"", b"PK", b"hello"))
def test_a_file_that_is_no_bundle_is_refused(tmp_path, content):
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(BuildError, match="bundle-invalid"):
        bundle.read(tmp_path / "b")
