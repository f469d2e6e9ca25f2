"""What a person is told of a board that was set up, and started."""

from types import SimpleNamespace

import pytest

from host.deploy import restart


@pytest.mark.parametrize(
    ("console", "address", "url"),
    (
        ("", "192.168.1.10", "https://192.168.1.10:8443/setup"),
        ("", "fd00::10", "https://[fd00::10]:8443/setup"),
        ("https://fleet.example.org", "fd00::10", "https://fleet.example.org/setup"),
    ),
)
def test_a_board_without_wifi_is_given_it_where_the_host_is(console, address, url):
    said = []
    plan = SimpleNamespace(console=console, addresses=(address,), port=8443, wifi=None)
    work = SimpleNamespace(
        board=SimpleNamespace(reset=lambda _: None), plan=plan, status={"has_wifi": False},
        say=said.append,
    )  # fmt: skip
    restart.watch(work)
    assert f"open {url} on a phone" in said[0]
