"""One talk with the host over HTTPS: register, deliver reports, ask what to run, and see to it.

Loaded for a talk and dropped after it, with HTTP, registration and update: half of the runtime,
whose heap is the application's most of the time. So what a talk is made of is put together here,
not in run.py, from the parts that stay.
"""

from micropython import const

from device.checkin import drop
from device.errors import HttpError, Refused, StorageFull, Untrusted
from device.http import Http
from device.protocol import credentials

_ANSWER_BYTES = const(2048)
_UPDATE_BYTES = const(40960)  # a look-up and an update take so much heap on a 32-bit chip
_VOUCHED = ("stage", "seal", "activate")  # steps that none but a release they want gets to
_REGISTRATION = const("device.registration")
_TRUST = (
    "device.update.trust",
    "device.update.metadata",
    "device.update.documents",
    "device.update.signature",
)


class Conversation:
    """Holds what a talk needs. `build_client` makes the client of device/update/client.py.

    `trust` is of the class below; `move()` tries the host's new house, where there is one.
    """

    def __init__(self, http, make_registration, reports, record, build_client, trust, move):
        self.http = http
        self._make_registration = make_registration
        self._registration = None
        self._reports = reports
        self._record = record
        self._build_client = build_client
        self._trust = trust
        self._move = move
        self._client = None

    @property
    def registration(self):
        """Registration, loaded if it is not."""
        if self._registration is None:
            self._registration = self._make_registration()
        return self._registration

    def client(self):
        """The update client, loaded if it is not."""
        if self._client is None:
            self._client = self._build_client()
        return self._client

    async def run(self, on_known):
        """Talk once; seconds to the next poll, or None. `on_known` is called when registered.

        Raises:
            NetworkError, HttpError, Untrusted: later; what was done so far is kept.
        """
        await self._move()
        await self.registration.ensure()
        self._registration = None
        drop(_REGISTRATION)  # an update may follow
        on_known()
        await self._reports.deliver(self.http)
        try:
            poll_s = await self._check()
        except Untrusted:
            await self._reports.deliver(self.http)
            raise
        await self._reports.deliver(self.http)
        return poll_s

    @property
    def is_over(self):
        """Whether no trial runs, waits or is to be reported: it is not wanted until the next."""
        return self._record.trial == "-" and not self._record.number

    async def _check(self):
        answer = await (await self.http.get("/assignment")).json(_ANSWER_BYTES)
        if not isinstance(answer, dict):
            raise HttpError("bad-answer", 200)
        try:
            await self._obey(answer, answer.pop("release", None))
        except MemoryError as e:
            await self._trust.retreat(e)
            raise
        poll_s = answer.get("poll_s")
        return poll_s if isinstance(poll_s, int) and poll_s > 0 else None

    async def _obey(self, answer, release):
        if answer.get("retry_active") or not self.is_over:
            await self.client().check(answer)  # first how the last update ended, then another one
        if self._record.mode != "trial":
            await self._trust.catch_up(answer, release)
        if answer.get("release"):
            await self.client().check(answer)


class Trust:
    """Loads device/update/trust.py for a question, and drops it before anything else is loaded.

    It is the largest of all: beside the update client it would not fit.
    """

    def __init__(self, r, http):
        self._r = r
        self._http = http

    async def catch_up(self, answer, release):
        """Give the answer its `release`, where approvers want that here; else refresh if need be.

        Raises:
            Untrusted: not now; it was reported.
            NetworkError, HttpError: later.
        """
        is_behind = self._is_behind(answer)
        if release is None and not is_behind:
            return
        from device.update.steps import Journal, assigned

        release, journal = assigned({"release": release}), Journal(self._r.store)
        try:
            if release and release["assignment"] != journal["closed"]:
                known = not is_behind and self._has_vouched(answer, release, journal)
                if known or await self._ask(release, journal):
                    answer["release"] = release
            elif is_behind:
                await self._load(journal).follow()
                if self._r.power.is_alone:
                    self._r.power.remember(rounds=0)  # that was what the heap was wanted for
        except StorageFull as e:
            self._r.log("trust", e.detail())
        finally:
            drop(_TRUST)

    def _has_vouched(self, answer, release, journal):
        """Whether approvers want it by the metadata that are trusted still: no need to ask again.

        So an update that a reset cut off goes on in a heap that is whole.
        """
        is_known = "metadata" in answer and self._r.clock.is_set
        return is_known and journal.is_about(release) and journal["step"] in _VOUCHED

    async def _ask(self, release, journal):
        """Whether approvers want the release here; where not, it was refused and reported."""
        r = self._r
        free = r.power.free_heap()
        if r.power.may_retreat and free < _UPDATE_BYTES:
            await self.retreat(MemoryError("free", free))  # it would not even fail: TLS stalls
        try:
            await self._load(journal).vouch(release, r.identity)
            return True
        except Refused as e:
            word, detail = e.code, e.detail()
        except MemoryError as e:
            await self.retreat(e)
            word, detail = "out-of-memory", repr(e)
        journal.begin(release)
        journal.refuse(r.reports, "check", word, detail)
        return False

    async def retreat(self, e):
        """On in update mode; returns only where that was done too often, or is so now."""
        drop(_TRUST)
        await self._r.power.retreat(repr(e))

    def _is_behind(self, answer):
        """Whether the host has other metadata than we trust, or what we trust has expired."""
        offered = answer.get("metadata")
        if offered is None:
            return False  # a release would be looked up all the same
        trusted = self._r.store.load("trusted.json", {})
        if offered != trusted.get("versions", {}).get("timestamp"):
            return True
        return trusted["until"] <= self._r.clock.now()

    def _load(self, journal):
        from device.update.trust import Trust

        r = self._r
        return Trust(self._http, r.store, r.nvs, r.clock, journal, r.reports)


def build(r):
    """A talk of this runtime."""
    http = Http(r.host, r.clock, r.log, credentials(r.identity.id, r.identity.secret_hex))

    async def move():
        if r.nvs.number("moving") and r.record.mode != "trial":
            from device.update.move import attempt

            await attempt(r)

    def registration():
        from device.registration import Registration

        return Registration(http, r.store, r.nvs, r.identity, r.reports.running, r.log)

    def client():
        return build_client(r, http)

    return Conversation(http, registration, r.reports, r.record, client, Trust(r, http), move)


def build_client(r, http):
    """The update client of this runtime, which asks through `http`."""
    from device.update import firmware
    from device.update.client import Client
    from device.update.steps import Journal

    log, record, reports, power, nvs = r.log, r.record, r.reports, r.power, r.nvs
    journal = Journal(r.store)

    def open_slot(letter):
        from device.update.app_slot import AppSlot  # not while an image is staged

        return AppSlot(letter)

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
        open_slot,
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
