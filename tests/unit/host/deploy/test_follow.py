"""What a board says is followed while its port comes and goes."""

import pytest

from host.deploy import follow
from host.deploy.errors import DeployError


class Port:
    """A port whose cable is pulled when it has said this."""

    in_waiting = 1

    def __init__(self, said):
        self._said = [said]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Nothing is open."""

    def read(self, _):
        if not self._said:
            raise OSError("pulled")
        return self._said.pop()


@pytest.fixture
def port(monkeypatch):
    """It says something, is gone, and says more when it is back."""
    ports = [Port(b"one\r\ntw"), Port("drei ä\r\n".encode())]
    monkeypatch.setattr(follow, "_AGAIN_S", 0)
    monkeypatch.setattr(follow.ports, "check", lambda _: None)
    monkeypatch.setattr(follow, "_opened", lambda _: ports.pop(0))
    return "/dev/ttyUSB0"


def test_lines_go_on_when_the_port_is_back_and_it_is_said_once(port):
    told = []
    found = follow.lines(port, told.append)
    assert [next(found), next(found)] == ["one", "drei ä"]
    assert [" ".join(text.split()[2:4]) for text in told] == ["went away", "is back"]


def test_a_port_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(DeployError, match="there is no port"):
        next(follow.lines(str(tmp_path / "ttyUSB9"), print))
