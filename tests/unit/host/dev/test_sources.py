"""An app folder read for a board, and a board's words read for the folder's author."""

import json

import pytest

from host.builder.errors import BuildError
from host.dev import sources

MAIN = "async def main(board):\n    raise ValueError('oops')\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An app folder beside which the author works."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blink/app").mkdir(parents=True)
    (tmp_path / "blink/lib").mkdir()
    description = {"product": "blink", "boards": ["ESP32_GENERIC"]}
    (tmp_path / "blink/mpfleet.json").write_text(json.dumps(description))
    (tmp_path / "blink/app/main.py").write_text(MAIN)
    (tmp_path / "blink/lib/sensor.py").write_text("VALUE = 1\n")
    (tmp_path / "blink/app/table.bin").write_bytes(b"\0\1")
    return tmp_path / "blink"


def test_sources_are_compiled_and_other_files_are_as_they_are(folder):
    files = sources.read(folder).files
    assert sorted(files) == ["app/main.mpy", "app/table.bin", "lib/sensor.mpy"]
    assert files["app/table.bin"] == b"\0\1"


@pytest.mark.parametrize(
    ("said", "shown"),
    (
        (
            '  File "app/main.py", line 2, in main',
            ["  blink/app/main.py:2, in main", "    raise ValueError('oops')"],
        ),
        ('File "lib/sensor.py", line 1', ["blink/lib/sensor.py:1", "  VALUE = 1"]),
        ('  File "app/main.py", line 99, in main', ["  blink/app/main.py:99, in main"]),
        ('  File "device/run.py", line 7, in x', ['  File "device/run.py", line 7, in x']),
        ("ValueError: oops", ["ValueError: oops"]),
    ),
    ids=["app", "lib", "a line that is not there", "runtime", "no frame"],
)
def test_a_frame_of_a_traceback_names_the_place_in_the_editor(folder, said, shown):
    assert sources.read(folder).trace(said) == shown


def test_a_folder_elsewhere_is_named_from_the_root(folder, monkeypatch):
    monkeypatch.chdir("/")
    monkeypatch.chdir(folder / "lib")
    frame = sources.read(folder).trace('File "app/main.py", line 1')[0]
    assert frame == f"{folder}/app/main.py:1"


def test_a_syntax_error_names_the_place_in_the_editor(folder):
    (folder / "app/main.py").write_text(MAIN + "x =\n")
    with pytest.raises(BuildError) as caught:
        sources.read(folder)
    assert (caught.value.code, caught.value.place) == ("syntax-error", "blink/app/main.py:3")
