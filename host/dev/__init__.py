"""The loop of the one who writes an application: save, and see it run on a board."""

from host.dev.loop import Loop

__all__ = ["Loop"]
