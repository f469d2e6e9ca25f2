"""Devices as the API shows them to a person (SPEC section 11)."""

from host.api import answers
from host.extensions import host, session
from host.services import assignments, claiming, permissions, releases, transfers


def one(device, person):
    """A device."""
    return several([device], person)[0]


def several(found, person):
    """Devices."""
    newest = assignments.newest(session(), [device.id for device in found])
    versions = releases.versions(session(), found)
    sees_codes = permissions.allows(person, "device.see-all")
    return [
        answers.device(
            device,
            newest.get(device.id),
            versions.get((device.product, device.number)),
            transfers.taker(device),
            claiming.code(host().settings, device) if sees_codes else None,
        )
        for device in found
    ]
