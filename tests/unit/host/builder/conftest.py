"""An app folder and a small runtime to build releases of."""

import json
from pathlib import Path

import pytest

DESCRIPTION = {"product": "blink", "version": "1.0.0", "boards": ["ESP32_GENERIC"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An app folder with one module."""
    place = tmp_path / "blink"
    (place / "app").mkdir(parents=True)
    (place / "mpfleet.json").write_text(json.dumps(DESCRIPTION))
    (place / "app/main.py").write_text("async def main(board):\n    pass\n")
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project root that holds a runtime of two modules."""
    place = tmp_path / "project"
    (place / "device/update").mkdir(parents=True)
    (place / "device/run.py").write_text("def main():\n    pass\n")
    (place / "device/update/client.py").write_text("STEP = 1\n")
    (place / "device/setup.py").write_text("def apply(text):\n    pass\n")
    return place
