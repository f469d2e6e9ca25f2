"""The bench of staging still knows the device code that it measures."""

from simulator import build_image
from tests.bench import staging
from tests.patching import code

CODE = code(1, 60_000)


def test_every_way_of_staging_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(staging, "_TIMES", 1)
    old, new = (build_image(version=f"v1.{n}.0", payload=CODE + code(n, 2000)) for n in (2, 3))
    staging.report(old, new)
    said = capsys.readouterr().out.splitlines()
    images = [line for line in said if line.startswith("  image: ")]
    fetched = {line[:26].strip(): line.split()[-2] for line in images}
    assert fetched["image: raw"] == f"{len(new):,}"
    assert int(fetched["image: patch"].replace(",", "")) < len(new) / 10
    assert any(line.startswith("  app: staging / floor, TLS") for line in said)
