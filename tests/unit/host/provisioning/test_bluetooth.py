"""Which of the boards nearby is meant."""

import pytest
from bleak.backends.device import BLEDevice

from host.provisioning import ProvisioningError, bluetooth

ONE = BLEDevice("AA:BB:CC:00:00:01", "mpfleet-a1b2c3", None)
OTHER = BLEDevice("AA:BB:CC:00:00:02", "mpfleet-d4e5f6", None)


@pytest.mark.parametrize("name", ("mpfleet-D4E5F6", "d4e5f6", "aa:bb:cc:00:00:02"))
def test_a_board_is_meant_by_its_name_the_end_of_it_or_its_address(name):
    assert bluetooth.named([ONE, OTHER], name) is OTHER


def test_the_only_one_is_meant_without_a_name():
    assert bluetooth.named([ONE], "") is ONE


@pytest.mark.parametrize(
    ("there", "name", "word"),
    (([], "", "no-answer"), ([ONE], "d4e5f6", "no-answer"), ([ONE, OTHER], "", "several-boards")),
)
def test_a_board_that_is_not_clear_is_refused(there, name, word):
    with pytest.raises(ProvisioningError) as caught:
        bluetooth.named(there, name)
    assert caught.value.code == word
