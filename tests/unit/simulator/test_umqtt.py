"""Our stand-in for umqtt speaks MQTT 3.1.1, behaves as upstream's does, and gives way to it."""

import contextlib
import socket
import threading

import pytest

from tests.boards import BoardError, execute

ONLINE = """
import network, time
w = network.WLAN()
w.active(True)
w.connect('home', 'secret12')
while not w.isconnected():
    time.sleep(0.01)
"""
CLIENT = """
from umqtt.%s import MQTTClient
heard = []
c = MQTTClient('board', '127.0.0.1', %d, user='u', password='pw', keepalive=60)
c.set_callback(lambda topic, message: heard.append((topic, message)))
c.set_last_will('gone', 'bye', retain=True)
"""
CONNECT = (
    b"\x10\x23\x00\x04MQTT\x04\xe6\x00\x3c\x00\x05board\x00\x04gone\x00\x03bye\x00\x01u\x00\x02pw"
)
HANG_UP = None
ACCEPTED = b"\x20\x02\x00\x00"


class Script:
    """A broker that expects certain bytes and then sends others."""

    def __init__(self, steps):
        self.steps = steps
        self.wrong = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        peer, _ = self._listener.accept()
        peer.settimeout(5)
        with peer, contextlib.suppress(OSError):
            for expected, answer in self.steps:
                got = b""
                while len(got) < len(expected):
                    got += peer.recv(len(expected) - len(got))
                if got != expected:
                    self.wrong.append((got, expected))
                    return
                if answer is HANG_UP:
                    return
                peer.sendall(answer)
            peer.recv(1)  # until the board hangs up

    def close(self):
        self._listener.close()
        self._thread.join()


@pytest.fixture
def talk(board_maker):
    """Runs code on a board, with a client `c`, against a broker's script; returns what it said."""
    scripts = []

    def talk(code, *steps, module="simple", lib=None):
        script = Script([(CONNECT, ACCEPTED), *steps])
        scripts.append(script)
        board = board_maker(lib=lib)
        board.power_on()
        board.wait_for(">>> ")
        said = execute(board, ONLINE + CLIENT % (module, script.port) + code)
        board.power_off()
        script.close()
        assert script.wrong == []
        return said

    yield talk
    for script in scripts:
        script.close()


def test_connect_says_who_it_is_and_leaves_a_last_will(talk):
    assert talk("print(c.connect())") == "0\n"


def test_a_refused_connection_raises_the_broker_s_code(board_maker):
    script = Script([(CONNECT, b"\x20\x02\x00\x05")])
    board = board_maker(lib=None)
    board.power_on()
    board.wait_for(">>> ")
    with pytest.raises(BoardError, match="MQTTException: 5"):
        execute(board, ONLINE + CLIENT % ("simple", script.port) + "c.connect()")
    board.power_off()
    script.close()


def test_publish_sends_one_packet(talk):
    code = "c.connect()\nc.publish(b'a/b', b'hi', retain=True)\nc.disconnect()"
    talk(code, (b"\x31\x07\x00\x03a/bhi" + b"\xe0\x00", b""))


def test_a_long_message_has_a_length_of_two_bytes(talk):
    talk("c.connect()\nc.publish('t', b'x' * 200)", (b"\x30\xcb\x01\x00\x01t" + b"x" * 200, b""))


def test_publish_with_qos_1_waits_for_its_acknowledgement(talk):
    code = "c.connect()\nc.publish('t', 'm', qos=1)\nprint('acknowledged', heard)"
    message = b"\x30\x04\x00\x01zM"  # comes before, and is handled
    steps = (b"\x32\x06\x00\x01t\x00\x01m", message + b"\x40\x02\x00\x01")
    assert talk(code, steps) == "acknowledged [(b'z', b'M')]\n"


def test_subscribe_waits_for_its_acknowledgement(talk):
    code = "c.connect()\nc.subscribe('t')\nprint('subscribed')"
    assert (
        talk(code, (b"\x82\x06\x00\x01\x00\x01t\x00", b"\x90\x03\x00\x01\x00")) == "subscribed\n"
    )


def test_a_message_reaches_the_callback(talk):
    code = "c.connect()\nc.ping()\nprint(c.wait_msg(), heard)"
    step = (b"\xc0\x00", b"\x30\x07\x00\x03a/bhi")
    assert talk(code, step) == "48 [(b'a/b', b'hi')]\n"


def test_a_message_with_qos_1_is_acknowledged(talk):
    code = "c.connect()\nc.ping()\nc.wait_msg()\nprint(heard)"
    steps = ((b"\xc0\x00", b"\x32\x06\x00\x01t\x00\x07m"), (b"\x40\x02\x00\x07", b""))
    assert talk(code, *steps) == "[(b't', b'm')]\n"


def test_check_msg_does_not_wait(talk):
    assert talk("c.connect()\nprint(c.check_msg())") == "None\n"


def test_an_answered_ping_is_no_message(talk):
    assert talk(
        "c.connect()\nc.ping()\nprint(c.wait_msg(), heard)", (b"\xc0\x00", b"\xd0\x00")
    ) == ("None []\n")


def test_a_connection_that_ended_is_an_oserror(talk):
    code = "c.connect()\nc.ping()\ntime.sleep(0.1)\n"
    code += "try:\n    c.wait_msg()\nexcept OSError as e:\n    print(e)"
    assert talk(code, (b"\xc0\x00", HANG_UP)) == "-1\n"


def test_connect_can_be_given_a_time_out(talk):
    code = (
        "c.connect(timeout=0.1)\ntry:\n    c.wait_msg()\nexcept OSError as e:\n    print(e.errno)"
    )
    assert talk(code) == "110\n"


def test_the_robust_client_has_the_same_interface(talk):
    code = "c.connect()\nc.publish('t', 'm')\nprint(c.check_msg())"
    assert talk(code, (b"\x30\x04\x00\x01tm", b""), module="robust") == "None\n"


def test_upstream_s_module_comes_first_where_it_is(board_maker, tmp_path):
    (tmp_path / "lib" / "umqtt").mkdir(parents=True)
    (tmp_path / "lib" / "umqtt" / "simple.py").write_text("WHOSE = 'upstream'\n")
    board = board_maker(lib=tmp_path / "lib")
    board.power_on()
    board.wait_for(">>> ")
    assert execute(board, "import umqtt.simple; print(umqtt.simple.WHOSE)") == "upstream\n"
