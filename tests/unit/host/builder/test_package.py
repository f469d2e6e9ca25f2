"""package.json lists exactly what golden is, and how it starts."""

import json

from host.builder import package, runtime


def test_it_is_not_stale():
    assert (runtime.ROOT / package.NAME).read_text() == package.content(), "run: make package"


def test_it_lists_the_runtime_and_then_what_starts_it():
    urls = json.loads(package.content())["urls"]
    assert [place for place, _ in urls] == [*runtime.sources(), "main.py", "boot.py"]
    assert all((runtime.ROOT / url).is_file() for _, url in urls)
