"""What a device said over MQTT, taken apart without trusting it (docs/SPEC.md section 9)."""

import json
import re

from device.protocol import MESSAGE_BYTES_MAX

_TOPIC = re.compile(r"mpfleet/([0-9a-f]{6,32})/(status|progress)")


class MalformedError(Exception):
    """A message that is not what the topic is for; it is ignored."""


def read(topic, payload):
    """(device id, kind, value) of a message. Raises: MalformedError."""
    match = _TOPIC.fullmatch(topic)
    if match is None:
        raise MalformedError("no such topic")
    if len(payload) > MESSAGE_BYTES_MAX:
        raise MalformedError(f"{len(payload)} bytes are more than {MESSAGE_BYTES_MAX}")
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:  # nested too deep is not JSON to us
        raise MalformedError(f"not JSON: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise MalformedError("not a JSON object")
    return match[1], match[2], value
