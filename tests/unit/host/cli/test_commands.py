"""The commands against a real host."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import update

from host.models import Assignment

ADMIN = "admin@garden"

MPFLEET = str(Path(sys.executable).with_name("mpfleet"))


@pytest.fixture
def folder(tmp_path, request) -> Path:
    """An app folder with a product of its own for each test."""
    place = tmp_path / "app-folder"
    (place / "app").mkdir(parents=True)
    product = f"p{abs(hash(request.node.name)) % 10**9}"
    description = {"product": product, "version": "1.0", "boards": ["ESP32_GENERIC"]}
    (place / "mpfleet.json").write_text(json.dumps(description))
    (place / "app/main.py").write_text("async def main(board):\n    pass\n")
    return place


def product_of(folder):
    return json.loads((folder / "mpfleet.json").read_text())["product"]


def test_help_is_quick_and_loads_nothing_heavy():
    started = time.monotonic()
    subprocess.run([MPFLEET, "--help"], check=True, capture_output=True)
    assert time.monotonic() - started < 1  # 60 ms here: a shared machine is slower
    code = (
        "import sys, host.cli; print([m for m in ('requests', 'rich', 'flask', 'sqlalchemy', "
        "'mpremote', 'cryptography') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert ran.stdout.strip() == b"[]"


def commands(group, words=()):
    """Every command below a group, with the words that call it."""
    import click

    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name)


def test_every_command_has_help_with_an_example(mpfleet):
    from host.cli import main

    for words in commands(main):
        text = mpfleet(*words, "--help").output
        assert (words, f"mpfleet {' '.join(words)}" in text.split("Example", 1)[-1]) == (
            words,
            True,
        )


def test_wrong_usage_has_its_own_status(mpfleet):
    assert mpfleet("assign").exit_code == 2


def test_building_names_the_file_and_line_of_a_mistake(mpfleet, folder):
    (folder / "app/main.py").write_text("x = 1\ndef f(:\n")
    result = mpfleet("release", "build", folder, "--number", "1")
    assert (result.exit_code, "app/main.py:2: invalid syntax" in result.output) == (1, True)


def test_a_release_is_built_without_a_host(mpfleet, folder, tmp_path):
    result = mpfleet("release", "build", folder, "--number", "3", "-o", tmp_path)
    assert (result.exit_code, "blocks" in result.output) == (0, True)
    assert (tmp_path / f"{product_of(folder)}-3.mpfleet").exists()


def test_the_host_says_the_next_number(signed_in, folder):
    first = signed_in("release", "build", folder, "--upload", json_=True)
    second = signed_in("release", "build", folder, "--upload", json_=True)
    assert (first["number"], second["number"]) == (1, 2)


def test_an_uploaded_release_is_ready(signed_in, folder):
    signed_in("release", "build", folder, "--upload")
    product = product_of(folder)
    assert signed_in("release", "show", product, 1, json_=True)["state"] == "verified"
    found = signed_in("release", "list", "--product", product, json_=True)
    assert [r["number"] for r in found] == [1]
    assert product in signed_in("release", "list").output


def test_a_bundle_may_be_uploaded_twice(signed_in, folder, tmp_path):
    signed_in("release", "build", folder, "--number", 1, "-o", tmp_path)
    bundle = tmp_path / f"{product_of(folder)}-1.mpfleet"
    for _ in range(2):
        assert signed_in("release", "upload", bundle, json_=True)["state"] == "verified"


def test_other_bytes_under_a_taken_number_are_refused(signed_in, folder):
    signed_in("release", "build", folder, "--number", 1, "--upload")
    (folder / "app/main.py").write_text("async def main(board):\n    print(2)\n")
    result = signed_in("release", "build", folder, "--number", 1, "--upload")
    assert (result.exit_code, "number-taken" in result.output) == (1, True)


def test_a_user_added_may_sign_in(host, signed_in):
    added = signed_in("user", "add", "ada@example.org", "--role", "viewer", json_=True)
    words = ("--profile", "ada", "login", host.url, "--ca", host.ca, "--email", "ada@example.org")
    assert signed_in(*words, "--password-stdin", typed=added["password"]).exit_code == 0
    listed = signed_in("user", "list").output
    assert ("ada@example.org" in listed, ADMIN in listed) == (True, True)


def test_a_number_that_is_not_there_is_one_line(signed_in, folder):
    result = signed_in("release", "show", product_of(folder), 9)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


def test_nothing_to_watch_is_no_failure(host, signed_in):
    with host.database.begin() as session:  # what other tests left under way on this host
        session.execute(update(Assignment).values(state="superseded"))
    result = signed_in("watch")
    assert (result.exit_code, "no update is under way" in result.output) == (0, True)


def test_size_lists_the_runtime(mpfleet):
    paths = [f["path"] for f in mpfleet("size", json_=True)["files"]]
    assert {"boot.py", "device/run.mpy"} <= set(paths)
