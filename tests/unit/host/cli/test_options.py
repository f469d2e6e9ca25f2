"""What the options of deploy mean."""

import json

import click
import pytest

from host.cli import output, plan
from host.deploy import Network

NETWORKS = {  # text, password given, network
    "both": ("home:secret12", None, Network("home", "secret12")),
    "colon in the password": ("home:a:b", None, Network("home", "a:b")),
    "open": ("cafe:", "unused", Network("cafe", "")),
    "password apart": ("home", "secret12", Network("home", "secret12")),
    "nobody to ask": ("cafe", None, Network("cafe", "")),
}


@pytest.mark.parametrize(("text", "password", "network"), NETWORKS.values(), ids=NETWORKS)
def test_a_network_is_named_so(text, password, network):
    assert plan.network(text, password) == network


def test_a_network_needs_a_name():
    with pytest.raises(click.UsageError):
        plan.network(":secret12", None)


CONFIGS = {  # settings of the folder, options, config
    "none": ({}, (), {}),
    "number": ({}, ("poll_s=60",), {"poll_s": 60}),
    "text": ({}, ("hostname=kitchen",), {"hostname": "kitchen"}),
    "an equals sign": ({}, ("hostname=a=b",), {"hostname": "a=b"}),
    "settings": ({"pin": 2}, (), {"app": {"pin": 2}}),
    "changed": ({"pin": 2, "x": 1}, ("app.pin=5",), {"app": {"pin": 5, "x": 1}}),
    "added": ({}, ("app.on=true",), {"app": {"on": True}}),
}


@pytest.mark.parametrize(("settings", "given", "config"), CONFIGS.values(), ids=CONFIGS)
def test_settings_become_config(settings, given, config):
    assert plan.config_of(settings, given) == config


@pytest.mark.parametrize("text", ("poll_s", "=60"))
def test_config_without_key_or_value_is_refused(text):
    with pytest.raises(click.UsageError):
        plan.config_of({}, (text,))


def test_columns_are_as_wide_as_their_widest_cell():
    rows = [("kitchen", True, None), ("x", False, 5)]
    assert output.columns(("NAME", "ON", "N"), rows).splitlines() == [
        "NAME     ON   N",
        "kitchen  yes  -",
        "x        no   5",
    ]


def test_what_a_board_says_cannot_steer_the_terminal(capsys):
    said = {"detail": "\x1b]0;owned\x07\x9b2J\r\u202e", "lines": "a\n\tb"}
    output.show(said, False, lambda value: value["detail"] + value["lines"])
    assert capsys.readouterr().out == r"\u001b]0;owned\u0007\u009b2J\u000d\u202e" + "a\n\tb\n"
    output.show(said, True, str)
    printed = capsys.readouterr().out
    assert ("\x9b" in printed, json.loads(printed)) == (False, said)


def test_a_cell_is_one_line():
    assert output.columns(("N",), [("a\nb",)]) == "N\na b"


PROVISIONING = {  # mode, paired, passkey, config
    "nothing said": (None, None, None, {}),
    "mode": ("button", None, None, {"provisioning": "button"}),
    "paired": (None, True, None, {"paired": True}),
    "not paired any more": (None, False, 0, {"paired": False, "passkey": 0}),
    "a passkey means paired": (None, None, 424242, {"paired": True, "passkey": 424242}),
}


@pytest.mark.parametrize(
    ("mode", "is_paired", "passkey", "config"), PROVISIONING.values(), ids=PROVISIONING
)
def test_who_may_give_it_wifi_is_said_so(mode, is_paired, passkey, config):
    assert plan.provisioning_of(mode, is_paired, passkey) == config


def test_a_passkey_for_a_board_that_nobody_pairs_with_is_refused():
    with pytest.raises(click.UsageError):
        plan.provisioning_of(None, False, 424242)
