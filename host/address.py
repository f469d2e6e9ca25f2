"""Where people find a host. Pure."""


def public(console: str, address: str, port: int) -> str:
    """Its console's address where it has one, else the first of its own."""
    return console or f"https://{f'[{address}]' if ':' in address else address}:{port}"
