"""Builds a conversation with the host, and the update client in it, from the parts that stay.

The second half of run.py, apart because it is loaded for a talk only.
"""

from device.conversation import Conversation
from device.http import Http
from device.protocol import credentials
from device.registration import Registration


def build_conversation(r):
    """A talk of this runtime."""
    http = Http(r.host, r.clock, r.log, credentials(r.identity.id, r.identity.secret_hex))
    registration = Registration(http, r.store, r.nvs, r.identity, r.log)
    return Conversation(http, registration, r.reports, r.record, lambda: build_client(r, http))


def build_client(r, http):
    """The update client of this runtime, which asks through `http`."""
    from device.update import firmware_slot
    from device.update.app_slot import AppSlot
    from device.update.client import Client
    from device.update.health import Health
    from device.update.journal import Journal
    from device.update.trial import Trial

    log, record, reports, power, nvs = r.log, r.record, r.reports, r.power, r.nvs
    journal = Journal(r.store)
    health = Health(r.config, log)
    trial = Trial(
        record, journal, firmware_slot, health, reports, power, nvs, r.store, r.config, log
    )
    return Client(
        http,
        record,
        journal,
        AppSlot,
        firmware_slot,
        trial,
        reports,
        r.identity,
        power,
        nvs,
        r.link,
        log,
    )
