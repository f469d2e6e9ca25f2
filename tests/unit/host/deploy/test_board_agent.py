"""The code that deploy runs on a board, run by MicroPython on a folder of this machine."""

import hashlib
import json
import subprocess

import pytest

from host.deploy import agent
from simulator import micropython

MICROPYTHON = str(micropython())


def run(*pieces):
    code = "\n".join((agent.SOURCE, *pieces))
    ran = subprocess.run([MICROPYTHON, "-c", code], capture_output=True, check=False)
    assert ran.stderr == b""
    return ran.stdout.decode().strip()


@pytest.mark.parametrize("size", (0, 1, 1536, 1537, 10000))
def test_a_file_arrives_as_it_is_in_folders_that_were_not_there(tmp_path, size):
    content = bytes(n * 7 % 256 for n in range(size))
    path = tmp_path / "new/folder/file.bin"
    pieces = list(agent.write(str(path), content))
    run(*(code for code, _ in pieces))
    assert (path.read_bytes(), sum(n for _, n in pieces)) == (content, size)


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "file"
    *most, _ = agent.write(str(path), bytes(5000))
    run(*(code for code, _ in most))
    assert [p.name for p in tmp_path.iterdir()] == ["file.new"]


def test_a_piece_of_code_is_small(tmp_path):
    assert max(len(code) for code, _ in agent.write("/device/x.mpy", bytes(9000))) < 2300


def test_hashes_are_those_of_the_files_and_null_where_there_is_none(tmp_path):
    (tmp_path / "a").write_bytes(bytes(5000))
    paths = [str(tmp_path / name) for name in ("a", "missing")]
    wanted = [hashlib.sha256(bytes(5000)).hexdigest(), None]
    assert json.loads(run(agent.hashes(paths))) == wanted


def test_a_copy_is_the_same(tmp_path):
    (tmp_path / "a").write_bytes(bytes(range(256)) * 20)
    run(agent.copy(str(tmp_path / "a"), str(tmp_path / "b/c")))
    assert (tmp_path / "b/c").read_bytes() == (tmp_path / "a").read_bytes()


def test_a_tree_lists_a_folder_after_its_files(tmp_path):
    (tmp_path / "x/y").mkdir(parents=True)
    (tmp_path / "x/y/f").touch()
    listed = json.loads(run(agent.tree([str(tmp_path / "x"), str(tmp_path / "none")])))
    assert listed == [f"{tmp_path}/x/y/f", f"{tmp_path}/x/y/"]


def test_removing_leaves_folders_that_are_not_empty(tmp_path):
    for name in ("gone", "kept"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").touch()
    paths = (f"{tmp_path}/gone/f", f"{tmp_path}/gone/", f"{tmp_path}/kept/", f"{tmp_path}/no")
    run(agent.remove(paths))
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_setup_survives_quotes_and_umlauts_in_a_password():
    code = agent.apply({"wifi": [{"ssid": "Büro", "password": "a'b\"c\\d"}]})
    text = code.splitlines()[-1].replace("apply(", "print(json.loads(").rstrip(")") + "))"
    text = text.replace("print(json", "print(json.dumps(json", 1) + ")"
    assert json.loads(run(text))["wifi"] == [{"ssid": "Büro", "password": "a'b\"c\\d"}]


def test_settings_arrive_in_any_script():
    given = {"wifi": [{"ssid": "Café 🏠", "password": "it's \"ä\"\\n"}]}
    _, call = agent.apply(given).split("\n")
    said = run("apply = lambda text: print(json.dumps(json.loads(text)))", call)
    assert json.loads(said) == given
