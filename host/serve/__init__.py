"""The processes of a host and what keeps them running."""

# Each a module here, and a process
ROLES = ("web", "bridge", "engine", "worker", "console")


def roles(settings):
    """Those that a host with these settings needs."""
    unneeded = set() if settings.console_certificate else {"console"}
    unneeded |= set() if settings.verification == "on" else {"worker"}
    return tuple(role for role in ROLES if role not in unneeded)
