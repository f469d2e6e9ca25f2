"""What is taken from devices' messages, and what is ignored."""

import pytest

from host.bridge.messages import MalformedError, read

ID = "aabbccddeeff"


@pytest.mark.parametrize(
    ("topic", "payload", "said"),
    (
        (f"mpfleet/{ID}/status", b'{"online": true}', (ID, "status", {"online": True})),
        (f"mpfleet/{ID}/progress", b'{"number": 5}', (ID, "progress", {"number": 5})),
    ),
)
def test_a_message_is_taken_apart(topic, payload, said):
    assert read(topic, payload) == said


@pytest.mark.parametrize(
    ("topic", "payload"),
    (
        (f"mpfleet/{ID}/data/x", b"{}"),
        (f"mpfleet/{ID}/status/x", b"{}"),
        ("mpfleet/bridge/status", b"{}"),
        ("mpfleet//status", b"{}"),
        (f"mpfleet/{ID}/status", b""),
        (f"mpfleet/{ID}/status", b"{"),
        (f"mpfleet/{ID}/status", b"\xff\xfe{}"),
        (f"mpfleet/{ID}/status", b"[]"),
        (f"mpfleet/{ID}/status", b"null"),
        (f"mpfleet/{ID}/status", b"[" * 1024),
        (f"mpfleet/{ID}/status", b"9" * 1024),
        (f"mpfleet/{ID}/status", b'{"a": "' + b"x" * 1024 + b'"}'),
    ),
    ids=lambda value: repr(value[:30]),
)
def test_a_message_that_is_not_ours_is_ignored(topic, payload):
    with pytest.raises(MalformedError):
        read(topic, payload)
