"""A process that dies is started again, later each time."""

import pytest

from host.serve.child import delay_s


@pytest.mark.parametrize(
    ("deaths", "delay"), ((1, 0.5), (2, 1), (3, 2), (4, 5), (5, 10), (6, 30), (7, 30), (1000, 30))
)
def test_the_more_often_a_process_died_the_later_it_starts_again(deaths, delay):
    assert delay_s(deaths) == delay
