"""Fixtures of the system tests."""

from tests.boards import board_maker, virtual_board  # noqa: F401 - pytest finds them here
