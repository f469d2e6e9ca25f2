"""A folder of an application, as a maker has it: what `release build` takes."""

import json


def make(place, source):
    """The folder `blink` in `place`, whose app/main.py is `source`; its path."""
    folder = place / "blink"
    (folder / "app").mkdir(parents=True)
    description = {"product": "blink", "boards": ["ESP32_GENERIC"]}
    (folder / "mpfleet.json").write_text(json.dumps(description))
    (folder / "app/main.py").write_text(source)
    return folder
