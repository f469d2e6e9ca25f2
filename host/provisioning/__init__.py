"""Gives a board its WiFi from a computer: Improv by Bluetooth or a serial port (SPEC, 16)."""

from host.provisioning.board import Board, Identity, Network, sequence
from host.provisioning.errors import ProvisioningError

__all__ = ["Board", "Identity", "Network", "ProvisioningError", "sequence"]
