"""Makes this board known to the host, and shows the person at the console how to claim it."""

from micropython import const

from device.errors import HttpError, StorageFull

_FILE = const("registration.json")  # what the last answer of status 200 said
_CODE = const("claim.json")  # of the claim URL that provisioning showed
_ANSWER_BYTES = const(1024)
_ONCE_ONLINE = const(-1)  # NVS `opened`: provisioning never again stands open
_ONCE_CLAIMED = const(-2)


class Registration:
    """What the host knows of us; ensure() before anything else is asked."""

    def __init__(self, http, store, nvs, identity, number, log):
        self._http = http
        self._store = store
        self._nvs = nvs
        self._identity = identity
        self._number = number  # of the release that runs
        self._log = log
        # An unclaimed board registers anew at each start: that shows its claim code again.
        self.is_known = store.load(_FILE, {}).get("state") == "claimed" and not nvs.blob("token")

    def forget(self):
        """The host answered 401: it must be told again who we are."""
        self.is_known = False
        self._store.remove(_FILE)

    async def ensure(self):
        """Register unless that was done.

        Raises:
            NetworkError, HttpError: 409 another board has our id, 410 retired, 429 too many.
        """
        if self.is_known:
            return
        response = await self._http.post("/register", self._body(), False)
        answer = await response.json(_ANSWER_BYTES)
        if not isinstance(answer, dict):
            raise HttpError("bad-answer", 200)
        self._take(answer)

    def _body(self):
        me = self._identity
        body = {
            "id": me.id,
            "secret": me.secret_hex,
            "product": me.product,
            "model": me.model,
            "mac": me.mac,
            "abi": me.abi,
            "firmware": me.firmware,
            "number": self._number,
            "metadata": self._store.trusted_versions(),
        }
        token = self._nvs.blob("token")
        if token:
            body["token"] = token.decode()
        code = self._store.load(_CODE, {}).get("code")
        if code:
            body["code"] = code
        return body

    def _take(self, answer):
        state = answer.get("state", "")
        if answer.get("token") == "refused":
            self._log("registration", "the enrolment token was refused")
        self._nvs.erase("token")
        self._store.remove(_CODE)  # the host knows it
        opened = _ONCE_CLAIMED if state == "claimed" else _ONCE_ONLINE
        if opened < self._nvs.number("opened"):
            self._nvs.set_number("opened", opened)
        try:
            self._store.save(_FILE, {"state": state})
        except StorageFull as e:  # then it is said again in the next talk
            self._log("registration", e.detail())
        self.is_known = True
        self._log("registration", "the host knows this board:", state)
        if answer.get("claim_code"):
            self._log(
                "registration", "claim code", answer["claim_code"], answer.get("claim_url", "")
            )
