"""Which topics are a device's own."""

import pytest

from host.broker import rules

ID = "aabbccddeeff"


@pytest.mark.parametrize(
    ("topic", "publish", "subscribe"),
    (
        ("mpfleet/aabbccddeeff/status", True, True),
        ("mpfleet/aabbccddeeff/data/room/temperature", True, True),
        ("mpfleet/aabbccddeeff/#", False, True),
        ("mpfleet/aabbccddeeff/+/x", False, True),
        ("mpfleet/aabbccddeeff/a\0b", False, True),
        ("mpfleet/aabbccddeeff/", False, False),
        ("mpfleet/aabbccddeeff", False, False),
        ("mpfleet/aabbccddeeffaa/status", False, False),
        ("mpfleet/112233445566/status", False, False),
        ("mpfleet/+/status", False, False),
        ("mpfleet/#", False, False),
        ("#", False, False),
        ("$SYS/#", False, False),
        ("", False, False),
        ("/mpfleet/aabbccddeeff/status", False, False),
        ("mpfleet/aabbccddeeff/" + "x" * 300, False, False),
    ),
)
def test_only_what_is_below_its_own_name_is_a_device_s(topic, publish, subscribe):
    said = rules.may_publish(ID, topic), rules.may_subscribe(ID, topic)
    assert said == (publish, subscribe)


@pytest.mark.parametrize(
    ("text", "is_id"),
    (
        ("aabbcc", True),
        ("a" * 32, True),
        ("aabbc", False),
        ("a" * 33, False),
        ("AABBCC", False),
        ("bridge", False),
        ("aabbcc\n", False),
        ("+", False),
        (None, False),
    ),
)
def test_a_device_id_is_hex(text, is_id):
    assert rules.is_device_id(text) is is_id


def test_only_the_status_is_retained():
    topics = ("status", "progress", "data/x", "status/x")
    kept = [topic for topic in topics if rules.may_retain(ID, f"mpfleet/{ID}/{topic}")]
    assert kept == ["status"]
