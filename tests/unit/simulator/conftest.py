"""Fixtures of the virtual board's own tests."""

from tests.boards import board_maker, virtual_board

__all__ = ["board_maker", "virtual_board"]
