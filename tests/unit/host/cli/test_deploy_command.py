"""`mpfleet deploy` from the host's words to a board on a serial port."""

import json
import threading

import pytest

from host.cli import port, several
from host.deploy import Event, ports
from host.deploy.board import Board
from tests.boards import PROMPT


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


@pytest.fixture
def two_boards(board_maker):
    """Two bare boards at their prompts."""
    boards = [board_maker(), board_maker()]
    for board in boards:
        board.power_on()
    for board in boards:
        board.wait_for(PROMPT)
    return boards


def common(folder):
    words = ("--example", folder, "--wait", "0", "--model", "ESP32_GENERIC", "--wifi", "home:x")
    return (*words, "--host-port", "8443", "--mqtt-port", "8883")


def test_two_boards_are_set_up_at_once(signed_in, two_boards, folder):
    ports = [word for board in two_boards for word in ("--port", board.port)]
    rows = signed_in("deploy", *ports, *common(folder), json_=True)
    wanted = [(b.port, b.unique_id.hex(), None) for b in two_boards]
    assert [(r["port"], r["device"], r["error"]) for r in rows] == wanted


def test_one_of_several_that_fails_stops_no_other_and_is_in_the_table(
    signed_in, virtual_board, folder
):
    ports = ("--port", "socket://127.0.0.1:1", "--port", virtual_board.port)
    result = signed_in("deploy", *ports, *common(folder))
    table = [line.split() for line in result.output.splitlines()[-2:]]
    assert (result.exit_code, [row[2] for row in table]) == (1, ["failed", "set"])
    assert "no-such-port" in result.output


def test_of_several_ports_one_is_named_where_nobody_can_be_asked(signed_in, monkeypatch, folder):
    two = [ports.Found(f"/dev/ttyUSB{n}", "CP2102") for n in (0, 1)]
    monkeypatch.setattr(ports, "found", lambda: two)
    result = signed_in("deploy", *common(folder))
    assert (result.exit_code, "--port" in result.stderr) == (1, True)
    assert "/dev/ttyUSB1 (CP2102)" in result.stderr


def test_a_person_is_asked_which_of_several_ports(monkeypatch):
    two = [ports.Found(f"/dev/ttyUSB{n}", "CP2102") for n in (0, 1)]
    monkeypatch.setattr(ports, "found", lambda: two)
    monkeypatch.setattr(port, "is_interactive", lambda: True)
    monkeypatch.setattr("rich.prompt.IntPrompt.ask", lambda *_, choices, **__: int(choices[-1]))
    assert port.chosen([], is_all=False, may_ask=True) == ["/dev/ttyUSB1"]


def test_all_is_every_port_there_is(monkeypatch):
    two = [ports.Found(f"/dev/ttyUSB{n}", "CP2102") for n in (0, 1)]
    monkeypatch.setattr(ports, "found", lambda: two)
    assert port.chosen([], is_all=True, may_ask=False) == ["/dev/ttyUSB0", "/dev/ttyUSB1"]


def test_ctrl_c_ends_every_board_at_its_next_word(monkeypatch):
    arrived, ended = threading.Event(), []

    def deploy(path, report):
        try:
            while True:
                report(Event("runtime", "copying", 1, 2))
                arrived.set()
        finally:
            ended.append(path)

    monkeypatch.setattr(threading.Thread, "join", _interrupted(arrived))
    with pytest.raises(KeyboardInterrupt):
        several.run(["a", "b"], deploy, is_quiet=True)
    assert sorted(ended) == ["a", "b"]


def _interrupted(arrived):
    """A join in which a person presses Ctrl-C, the first time."""
    join, pressed = threading.Thread.join, []

    def wait(thread, timeout=None):
        if not pressed:
            arrived.wait(10)
            pressed.append(True)
            raise KeyboardInterrupt
        join(thread, timeout)

    return wait
