"""What a device may say and hear over MQTT: only its own topics (docs/SPEC.md section 9)."""

import re

_DEVICE_ID = re.compile(r"[0-9a-f]{6,32}")
_TOPIC_CHARS_MAX = 256
_WILDCARDS = re.compile(r"[+#\0]")


def is_device_id(text):
    """Whether `text` has the form of a device id."""
    return isinstance(text, str) and _DEVICE_ID.fullmatch(text) is not None


def may_publish(device_id, topic):
    """Whether a device may publish on `topic`, or leave its last will there."""
    return _is_below(device_id, topic) and not _WILDCARDS.search(topic)


def may_subscribe(device_id, topic_filter):
    """Whether a device may hear what matches `topic_filter`; wildcards only below its own name."""
    return _is_below(device_id, topic_filter)


def may_retain(device_id, topic):
    """Whether a device's message is retained: its status only, else memory has no bound."""
    return topic == f"mpfleet/{device_id}/status"


def _is_below(device_id, topic):
    prefix = f"mpfleet/{device_id}/"
    return topic.startswith(prefix) and len(prefix) < len(topic) <= _TOPIC_CHARS_MAX
