"""The processes of a host and what keeps them running."""

ROLES = ("web", "bridge", "engine")  # each a module here, and a process
