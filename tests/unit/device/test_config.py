"""Settings and their defaults."""

import re
from pathlib import Path

import pytest

CONFIG = """
from device.store import Config, DEFAULTS, Store
store = Store(given[0])
if given[1] is not None:
    store.save("config.json", given[1])
config = Config(store)
"""


def test_what_is_given_is_taken(on_both, tmp_path):
    script = CONFIG + "print(config.product, config.poll_s, config.app)"
    assert on_both(
        script, str(tmp_path / "s"), {"product": "blink", "poll_s": 60, "app": {"pin": 4}}
    ) == ["blink 60 {'pin': 4}"]


@pytest.mark.parametrize("given", (None, {}, {"poll_s": "soon", "product": 7, "unknown": 1}))
def test_the_rest_has_its_default(on_both, tmp_path, given):
    script = CONFIG + "print(all(getattr(config, n) == d for n, d in DEFAULTS.items()))"
    assert on_both(script, str(tmp_path / "s"), given) == ["True"]


def test_the_table_in_the_docs_has_the_same_rows(on_board):
    spec = (Path(__file__).parents[3] / "docs/SPEC.md").read_text()
    table = spec[spec.index("`config.json`:") : spec.index("**NVS**")]
    documented = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    script = (
        "from device.store import DEFAULTS\nfrom device.provisioning import session\n"
        "print(' '.join(sorted(list(DEFAULTS) + list(session.DEFAULTS))))"
    )
    assert on_board(script) == [" ".join(sorted(documented))]
