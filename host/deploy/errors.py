"""What can go wrong between this computer and a board on its serial port, each with a word."""

from host.builder.errors import AdvisedError


class DeployError(AdvisedError):
    """A deploy did not get there."""
