"""Who may do what: the actions, and every route with the action it needs, in two tables.

`host.access` walks ROUTES before each view, so no view asks again. What is done to one device is
further limited to the devices that a person sees (`services.devices`).
"""

from host.errors import HostError

ADMIN = "admin"
ROLES = ("viewer", "operator", "approver", ADMIN)  # each may what those before it may

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
    "release.verify": "operator",
    "release.approve": "approver",
    "release.waive": "admin",
    "key.manage": "admin",
    "group.see": "viewer",  # one's own
    "group.manage": "admin",
    "user.see": "admin",
    "user.manage": "admin",
}

# Not with a token for programs, whatever its scopes: it could make itself a greater one.
_BY_SIGN_IN_ONLY = ("account.change", "user.manage", "group.manage")

# Whose things a route is about
PUBLIC = "public"  # nobody is asked who they are
BOARD = "board"  # a board asks, by id and secret (api.authorization)
OWN = "own"  # what is the person's alone: sign-ins, rollouts, devices offered to them
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
    "people_api.listed": ("account.see", OWN),
    "people_api.sign_out": (None, OWN),  # no action: whoever has a valid token
    "people_api.revoke_token": ("account.change", OWN),
    "people_api.me": (None, OWN),
    "people_api.revoke_others": ("account.change", OWN),
    "people_api.create_token": ("account.change", OWN),
    "people_api.change_password": ("account.change", OWN),
    "users_api.create": ("user.manage", FLEET),
    "users_api.listed": ("user.see", FLEET),
    "users_api.change": ("user.manage", FLEET),
    "users_api.reset": ("user.manage", FLEET),
    "users_api.invite": ("user.manage", FLEET),
    "users_api.invitations": ("user.manage", FLEET),
    "users_api.take_back": ("user.manage", FLEET),
    "groups_api.listed": ("group.see", OWN),
    "groups_api.create": ("group.manage", FLEET),
    "groups_api.remove": ("group.manage", FLEET),
    "groups_api.add": ("group.manage", FLEET),
    "groups_api.drop": ("group.manage", FLEET),
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
    "rollouts_api.listed": ("release.see", OWN),
    "rollouts_api.create": ("release.assign", DEVICE),
    "rollouts_api.show": ("release.see", OWN),
    "rollouts_api.devices": ("release.see", OWN),
    "rollouts_api.act": ("release.assign", OWN),
    "rollouts_api.of_release": ("release.see", DEVICE),
    "events_api.listed": ("device.see", DEVICE),
    "rollouts.listed": ("release.see", OWN),
    "rollouts.show": ("release.see", OWN),
    "rollouts.live": ("release.see", OWN),
    "rollouts.act": ("release.assign", OWN),
    "rollouts.form": ("release.assign", DEVICE),
    "rollouts.begin": ("release.assign", DEVICE),
    "events.listed": ("device.see", DEVICE),
    "releases_api.next_number": ("release.see", FLEET),
    "releases_api.listed": ("release.see", FLEET),
    "releases_api.show": ("release.see", FLEET),
    "releases_api.manifest": ("release.see", FLEET),
    "releases_api.add": ("release.upload", FLEET),
    "releases_api.complete": ("release.upload", FLEET),
    "releases_api.withdraw": ("release.approve", FLEET),
    "verifications_api.show": ("release.see", FLEET),
    "verifications_api.again": ("release.verify", FLEET),
    "verifications_api.waive": ("release.waive", FLEET),
    "verifications_api.hand_in": ("release.verify", FLEET),
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
    "joining.form": (None, PUBLIC),
    "joining.take": (None, PUBLIC),
    "joining.open_form": (None, PUBLIC),
    "joining.open_take": (None, PUBLIC),
    "joining.reset_form": (None, PUBLIC),
    "joining.reset": (None, PUBLIC),
    "account.show": ("account.see", OWN),
    "account.end": ("account.change", OWN),
    "account.end_others": ("account.change", OWN),
    "account.add_token": ("account.change", OWN),
    "account.change_password": ("account.change", OWN),
    "people.listed": ("user.manage", FLEET),
    "people.invite": ("user.manage", FLEET),
    "people.take_back": ("user.manage", FLEET),
    "people.show": ("user.manage", FLEET),
    "people.change": ("user.manage", FLEET),
    "people.add_group": ("group.manage", FLEET),
    "people.show_group": ("group.manage", FLEET),
    "people.add_member": ("group.manage", FLEET),
    "people.drop_member": ("group.manage", FLEET),
    "people.remove_group": ("group.manage", FLEET),
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
    "verifications.live": ("release.see", FLEET),
    "verifications.again": ("release.verify", FLEET),
    "verifications.waive": ("release.waive", FLEET),
}


def allows(person, action):
    """Whether a person may do an action, by their role and the token they act with."""
    return person is not None and _has_role_for(person, action) and _is_in_scope(person, action)


def require(person, action):
    """Raise HostError `forbidden` where a person may not do an action."""
    if not _has_role_for(person, action):
        raise HostError("forbidden", f"The role {person.role} may not do this ({action}).")
    if not _is_in_scope(person, action):
        raise HostError("forbidden", f"This token is not for that ({action}).")


def check_role(role):
    """Raise HostError `bad-request` for a word that is no role."""
    if role not in ROLES:
        raise HostError("bad-request", f"A role is one of {', '.join(ROLES)}.")


def check_scopes(person, scopes):
    """Raise HostError `bad-request` for scopes that there are not, or that give nothing.

    A scope is an action, or the word before its dot for all such actions.
    """
    possible = sorted(_scopes(person))
    if not isinstance(scopes, list) or not scopes or not all(one in possible for one in scopes):
        message = f"A {person.role}'s token has at least one scope of {', '.join(possible)}."
        raise HostError("bad-request", message)


def actions_for_tokens(person):
    """The actions that a person's tokens for programs may be given."""
    return [
        one for one in ACTIONS if one not in _BY_SIGN_IN_ONLY and _has_role_for(person, one)
    ]


def _scopes(person):
    actions = actions_for_tokens(person)
    return {*actions, *(action.split(".")[0] for action in actions)}


def _has_role_for(person, action):
    is_role = person.role in ROLES
    return is_role and ROLES.index(person.role) >= ROLES.index(ACTIONS[action])


def _is_in_scope(person, action):
    scopes = person.scopes
    if scopes is None:
        return True
    is_named = action in scopes or action.split(".")[0] in scopes
    return is_named and action not in _BY_SIGN_IN_ONLY
