"""`mpfleet dev`, before there is a board."""

import json


def test_a_board_is_real_or_virtual(mpfleet):
    done = mpfleet("dev", "--virtual", "--port", "x")
    assert (done.exit_code, "--port PORT or --virtual" in done.output) == (2, True)


def test_a_folder_without_a_description_is_one_line(mpfleet, tmp_path):
    done = mpfleet("dev", "--virtual", tmp_path)
    assert (done.exit_code, "mpfleet.json: no such file" in done.output) == (1, True)


def test_a_port_that_is_not_there_is_one_line(mpfleet, tmp_path):
    (tmp_path / "mpfleet.json").write_text(json.dumps({"product": "x", "boards": ["X"]}))
    done = mpfleet("dev", "--port", "/dev/no-such", tmp_path)
    assert (done.exit_code, "no port /dev/no-such" in done.output) == (1, True)
