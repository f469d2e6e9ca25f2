"""The host of an mpfleet: what a fleet's people and boards talk to."""

VERSION = "0.1.0"


def create_app(settings):
    """The Flask application for these settings; nothing is shared between two of them."""
    # Late, so that services, bridge and command line do not load Flask with the package.
    from host.application import create

    return create(settings)
