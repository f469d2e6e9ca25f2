"""Who may do what: one table, walked by one function."""

ROLES = ("viewer", "operator", "approver", "admin")  # each may what those before it may

# action: the least role that may do it
_LEAST = {
    "device.see": "viewer",
    "release.see": "viewer",
    "device.claim": "operator",
    "device.change": "operator",
    "release.upload": "operator",
    "release.assign": "operator",
    "release.approve": "approver",
    "device.see-all": "admin",
    "user.manage": "admin",
    "key.manage": "admin",
}


def allows(role, action):
    """Whether a role may do an action. An unknown role may nothing."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(_LEAST[action])
