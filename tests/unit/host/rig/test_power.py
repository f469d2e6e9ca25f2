"""Power switches: what they send, and what they say where that does not work."""

import os
import tty

import pytest

from host.rig import file, power
from host.rig.errors import RigError


@pytest.fixture
def hub(tmp_path):
    """A uhubctl that notes its arguments, and fails for hub 9."""
    program = tmp_path / "uhubctl"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n'
        'if [ "$2" = 9 ]; then echo "No compatible devices detected!"; exit 1; fi\n'
    )
    program.chmod(0o755)

    def switch(location):
        given = {"by": "uhubctl", "location": location, "hub_port": 3, "program": str(program)}
        return power.HubSwitch(file.Uhubctl(**given, off_s=0.1))

    switch.said = tmp_path / "said"
    return switch


def test_a_hub_is_switched_by_uhubctl(hub):
    power.cut(hub("1-1.4"))
    assert hub.said.read_text() == "-l 1-1.4 -p 3 -a off\n-l 1-1.4 -p 3 -a on\n"


def test_what_uhubctl_says_is_said(hub):
    with pytest.raises(RigError, match="No compatible devices detected!"):
        hub("9").off()


def test_a_missing_uhubctl_is_said():
    table = file.Uhubctl(by="uhubctl", location="1", hub_port=1, program="/nowhere/uhubctl")
    with pytest.raises(RigError, match="No such file"):
        power.HubSwitch(table).on()


@pytest.fixture
def relay_port():
    """A pty and what was written to it."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave), lambda: os.read(master, 64)
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize(
    ("wired", "off", "on"),
    (("normally-open", "a00200a2", "a00201a3"), ("normally-closed", "a00201a3", "a00200a2")),
)
def test_a_relay_takes_the_power_and_gives_it(relay_port, wired, off, on):
    port, read = relay_port
    relay = power.RelaySwitch(file.Relay(by="relay", port=port, channel=2, wired=wired))
    relay.off()
    assert read() == bytes.fromhex(off)
    relay.on()
    assert read() == bytes.fromhex(on)


def test_a_relay_that_is_not_there_is_said():
    table = file.Relay(by="relay", port="/dev/nowhere")
    with pytest.raises(RigError, match="/dev/nowhere"):
        power.RelaySwitch(table).off()


def test_power_comes_back_where_a_person_interrupts_a_cut(monkeypatch):
    calls = []

    class Switch:
        can_cut, off_s = True, 5
        on, off = (lambda self: calls.append("on")), (lambda self: calls.append("off"))

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("host.rig.power.time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        power.cut(Switch())
    assert calls == ["off", "on"]
