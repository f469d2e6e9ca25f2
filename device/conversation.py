"""One talk with the host over HTTPS: register, deliver reports, ask what to run, and see to it.

Loaded for a talk and dropped after it, with HTTP, registration and update: half of the runtime,
whose heap is the application's most of the time. So what a talk is made of is put together here,
not in run.py, from the parts that stay.
"""

from micropython import const

from device.checkin import drop
from device.errors import HttpError
from device.http import Http
from device.protocol import credentials
from device.registration import Registration

_ANSWER_BYTES = const(2048)


class Conversation:
    """Holds what a talk needs. `build_client` makes the client of device/update/client.py."""

    def __init__(self, http, registration, reports, record, build_client):
        self.http = http
        self.registration = registration
        self._reports = reports
        self._record = record
        self._build_client = build_client
        self._client = None

    def client(self):
        """The update client, loaded if it is not."""
        if self._client is None:
            self._client = self._build_client()
        return self._client

    async def run(self, on_known):
        """Talk once; seconds to the next poll, or None. `on_known` is called when registered.

        Raises:
            NetworkError, HttpError: later; what was done so far is kept.
        """
        await self.registration.ensure()
        on_known()
        await self._reports.deliver(self.http)
        poll_s = await self._check()
        await self._reports.deliver(self.http)
        return poll_s

    @property
    def is_over(self):
        """Whether nothing of it is wanted until the next talk."""
        return not self._is_unsettled()

    async def _check(self):
        answer = await (await self.http.get("/assignment")).json(_ANSWER_BYTES)
        if not isinstance(answer, dict):
            raise HttpError("bad-answer", 200)
        if answer.get("release") or answer.get("retry_active") or self._is_unsettled():
            return await self.client().check(answer)
        poll_s = answer.get("poll_s")
        return poll_s if isinstance(poll_s, int) and poll_s > 0 else None

    def _is_unsettled(self):
        """Whether a trial runs, waits or is still to be reported."""
        return self._record.trial != "-" or self._record.number > 0


def build(r):
    """A talk of this runtime."""
    http = Http(r.host, r.clock, r.log, credentials(r.identity.id, r.identity.secret_hex))
    # what a trial runs is not yet what the board runs
    number = r.nvs.number("number", 0) if r.record.mode == "trial" else r.number
    registration = Registration(http, r.store, r.nvs, r.identity, number, r.log)
    return Conversation(http, registration, r.reports, r.record, lambda: build_client(r, http))


def build_client(r, http):
    """The update client of this runtime, which asks through `http`."""
    from device.update import firmware
    from device.update.app_slot import AppSlot
    from device.update.client import Client
    from device.update.steps import Journal

    log, record, reports, power, nvs = r.log, r.record, r.reports, r.power, r.nvs
    journal = Journal(r.store)

    def make_trial():
        from device.update.trial import Health, Trial  # not by most talks

        health = Health(r.config, log)
        return Trial(
            record, journal, firmware, health, reports, power, nvs, r.store, r.config, log
        )

    return Client(
        http,
        record,
        journal,
        AppSlot,
        firmware,
        make_trial,
        reports,
        r.identity,
        power,
        nvs,
        r.link,
        drop,
        log,
    )
