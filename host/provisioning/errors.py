"""What can go wrong while a board is given its WiFi, each with a word."""

from host.builder.errors import AdvisedError


class ProvisioningError(AdvisedError):
    """The board did not get there."""


# Improv's error codes.
_REFUSALS = {
    1: ("invalid-packet", "the board did not understand what it was sent", ""),
    2: ("unknown-command", "the board does not know this command", ""),
    3: (
        "unable-to-connect",
        "the board could not join the network",
        "is the password right, and the network in its reach (2.4 GHz)?",
    ),
    4: ("not-authorized", "the board takes no settings from here", "press its BOOT button"),
    5: ("bad-hostname", "a name has 1 to 32 letters, digits and dashes, no dash at its ends", ""),
}
_UNKNOWN = (
    "board-refused",
    "the board could not keep the settings, or is busy with others",
    "try again",
)


def refusal(code: int) -> ProvisioningError:
    """What one of Improv's error codes means."""
    return ProvisioningError(*_REFUSALS.get(code, _UNKNOWN))


def silent(what: str) -> ProvisioningError:
    """Nothing answers at `what`."""
    return ProvisioningError(
        "no-answer",
        f"no board that waits for its WiFi answers at {what}",
        "switch it on, or hold its BOOT button for 5 s, and try again",
    )


def gone() -> ProvisioningError:
    """The board went away in the middle."""
    return ProvisioningError("board-gone", "the board went away", "come nearer and try again")
