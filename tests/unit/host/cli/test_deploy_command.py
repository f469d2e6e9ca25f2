"""`mpfleet deploy` from the host's words to a board on a serial port."""

import json

import pytest

from host.deploy.board import Board


@pytest.fixture
def folder(tmp_path):
    """An app folder that was never released."""
    place = tmp_path / "lamp"
    (place / "app").mkdir(parents=True)
    description = {"product": "lamp", "boards": ["ESP32_GENERIC"], "settings": {"pin": 2, "on": 1}}
    (place / "mpfleet.json").write_text(json.dumps(description))
    (place / "app/main.py").write_text("async def main(board):\n    pass\n")
    return place


def look(board, code):
    prompt = Board(board.port)
    prompt.stop()
    printed = prompt.run(code)
    prompt.close()
    return printed


def test_an_example_is_released_and_deployed_in_one_go(signed_in, virtual_board, folder):
    words = ("deploy", "--port", virtual_board.port, "--example", folder, "--wait", "0")
    words += ("--model", "ESP32_GENERIC", "--wifi", "home:secret12", "--host-port", "8443")
    words += ("--mqtt-port", "8883", "--config", "poll_s=60", "--config", "app.pin=5")
    result = signed_in(*words)
    assert (result.exit_code, "0 unchanged" in result.output) == (0, True), result.output
    assert signed_in("release", "list", "--product", "lamp", json_=True)[0]["number"] == 1
    config = json.loads(look(virtual_board, "print(open('/state/config.json').read())"))
    assert (config["poll_s"], config["product"], config["app"]) == (
        60,
        "lamp",
        {"pin": 5, "on": 1},
    )
    kept = "import esp32\nb = bytearray(300)\nn = esp32.NVS('mpfleet').get_blob('host', b)\n"
    host = kept + "print(b[:n].decode())"
    wanted = {"addresses": ["127.0.0.1"], "port": 8443, "mqtt_port": 8883, "name": "garden"}
    assert json.loads(look(virtual_board, host)) == wanted
    assert "secret12" not in result.output


def test_a_port_that_is_not_there_is_one_line(signed_in, folder):
    words = ("deploy", "--port", "/dev/ttyNONE", "--example", folder, "--wifi", "home:secret12")
    result = signed_in(*words, "--host-address", "192.0.2.1")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "there is no port /dev/ttyNONE" in result.stderr


def test_a_board_on_usb_is_not_sent_to_itself(signed_in, folder):
    words = ("deploy", "--port", "/dev/ttyNONE", "--example", folder, "--wifi", "home:secret12")
    result = signed_in(*words)
    assert (result.exit_code, "mpfleet serve --listen --address" in result.stderr) == (1, True)
