"""Who may do what: the actions, and every route with the action it needs, in two tables.

`host.access` walks ROUTES before each view, so no view asks again. What is done to one device is
further limited to the devices that a person sees (`services.devices`).
"""

from host.errors import HostError

ROLES = ("viewer", "operator", "approver", "admin")  # each may what those before it may

# action: the least role that may do it
ACTIONS = {
    "account.see": "viewer",  # one's own
    "account.change": "viewer",
    "device.see": "viewer",
    "device.claim": "operator",
    "device.change": "operator",
    "device.see-all": "admin",  # of other people, too: no route, but how far the others reach
    "release.see": "viewer",
    "release.upload": "operator",
    "release.assign": "operator",
    "release.approve": "approver",
    "key.manage": "admin",
    "group.see": "viewer",  # one's own
    "group.manage": "admin",
    "user.manage": "admin",
}

# Whose things a route is about
PUBLIC = "public"  # nobody is asked who they are
BOARD = "board"  # a board asks, by id and secret (api.authorization)
OWN = "own"  # what is the person's alone: sign-ins, devices offered to them
DEVICE = "device"  # devices that are the person's; of those who may device.see-all, any
FLEET = "fleet"  # what all people share

# endpoint: (action, whose)
ROUTES = {
    "device_api.register": (None, PUBLIC),
    "device_api.assignment": (None, BOARD),
    "device_api.metadata": (None, BOARD),
    "device_api.manifest": (None, BOARD),
    "device_api.blob": (None, BOARD),
    "device_api.report": (None, BOARD),
    "people_api.fleet": (None, PUBLIC),
    "people_api.sign_in": (None, PUBLIC),
    "people_api.tokens": ("account.see", OWN),
    "people_api.sign_out": ("account.see", OWN),
    "people_api.revoke_token": ("account.change", OWN),
    "people_api.me": ("account.see", OWN),
    "people_api.create_user": ("user.manage", FLEET),
    "people_api.users": ("user.manage", FLEET),
    "devices_api.listed": ("device.see", DEVICE),
    "devices_api.show": ("device.see", DEVICE),
    "devices_api.rename": ("device.change", DEVICE),
    "devices_api.retire": ("device.change", DEVICE),
    "devices_api.update_now": ("device.change", DEVICE),
    "devices_api.resolve_conflict": ("device.change", DEVICE),
    "devices_api.device_reports": ("device.see", DEVICE),
    "devices_api.assign": ("release.assign", DEVICE),
    "ownership_api.claim": ("device.claim", FLEET),
    "ownership_api.enrolment_token": ("device.claim", DEVICE),
    "ownership_api.give_back": ("device.change", DEVICE),
    "ownership_api.transfer": ("device.change", DEVICE),
    "ownership_api.take_back": ("device.change", DEVICE),
    "ownership_api.offers": ("device.see", OWN),
    "ownership_api.accept": ("device.claim", OWN),
    "ownership_api.decline": ("device.claim", OWN),
    "releases_api.next_number": ("release.see", FLEET),
    "releases_api.listed": ("release.see", FLEET),
    "releases_api.show": ("release.see", FLEET),
    "releases_api.manifest": ("release.see", FLEET),
    "releases_api.add": ("release.upload", FLEET),
    "releases_api.complete": ("release.upload", FLEET),
    "releases_api.withdraw": ("release.approve", FLEET),
    "blobs_api.put": ("release.upload", FLEET),
    "blobs_api.get": ("release.see", FLEET),
    "trust_api.metadata": ("release.see", FLEET),
    "trust_api.keys": ("release.see", FLEET),
    "trust_api.add_key": ("key.manage", FLEET),
    "trust_api.revoke_key": ("key.manage", FLEET),
    "trust_api.rotate_key": ("key.manage", FLEET),
    "trust_api.listed": ("release.see", FLEET),
    "trust_api.show": ("release.see", FLEET),
    "trust_api.propose": ("release.approve", FLEET),  # renew, fleet: key.manage (proposals)
    "trust_api.sign": ("release.approve", FLEET),
    "trust_api.drop": ("release.approve", FLEET),
    "trust_api.metrics": ("release.see", FLEET),
    "web.static": (None, PUBLIC),
    "setup.page": (None, PUBLIC),
    "setup.manifest": (None, PUBLIC),
    "setup.ca": (None, PUBLIC),
    "sign_in.form": (None, PUBLIC),
    "sign_in.enter": (None, PUBLIC),
    "sign_in.leave": (None, PUBLIC),  # also of a sign-in that has ended
    "devices.listed": ("device.see", DEVICE),
    "devices.rows": ("device.see", DEVICE),
    "devices.show": ("device.see", DEVICE),
    "devices.live": ("device.see", DEVICE),
    "devices.change": ("device.change", DEVICE),
    "claim.form": ("device.claim", FLEET),
    "claim.waiting": ("device.claim", FLEET),
    "claim.take": ("device.claim", FLEET),
    "ownership.accept": ("device.claim", OWN),
    "ownership.decline": ("device.claim", OWN),
    "ownership.new_secret": ("device.claim", DEVICE),
    "ownership.give_back": ("device.change", DEVICE),
    "releases.listed": ("release.see", FLEET),
    "releases.show": ("release.see", FLEET),
    "releases.assign": ("release.assign", DEVICE),
    "approvals.show": ("release.approve", FLEET),
    "approvals.sign": ("release.approve", FLEET),
    "approvals.take_back": ("release.approve", FLEET),
    "approvals.keys": ("release.see", FLEET),
}


def allows(person, action):
    """Whether a person may do an action. Nobody, or an unknown role, may nothing."""
    role = person.role if person else None
    return role in ROLES and ROLES.index(role) >= ROLES.index(ACTIONS[action])


def require(person, action):
    """Raise HostError `forbidden` where a person may not do an action."""
    if not allows(person, action):
        raise HostError("forbidden", f"The role {person.role} may not do this ({action}).")
