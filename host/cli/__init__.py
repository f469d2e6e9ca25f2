"""The command line `mpfleet`."""

from host.cli.root import main

__all__ = ["main"]
