"""The processes of a host and what keeps them running."""

ROLES = ("web", "bridge", "engine", "console")  # each a module here, and a process


def roles(settings):
    """Those that a host with these settings needs."""
    return ROLES if settings.console_certificate else ROLES[:-1]
