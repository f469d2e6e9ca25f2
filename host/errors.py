"""Errors of the host: each has a word, and the table says its HTTP status."""

STATUS = {
    "bad-request": 400,
    "hash-mismatch": 400,
    "manifest-invalid": 400,
    "bad-path": 400,
    "duplicate-path": 400,
    "native-code": 400,
    "bad-image": 400,
    "wrong-chip": 400,
    "wrong-abi": 400,
    "bad-key": 400,
    "bad-signature": 400,
    "bad-text": 400,
    "weak-password": 400,
    "csrf": 400,
    "bad-credentials": 401,
    "forbidden": 403,
    "not-a-signer": 403,
    "wrong-passphrase": 403,
    "not-found": 404,
    "no-such-code": 404,
    "no-such-link": 404,
    "no-key": 404,
    "bad-method": 405,
    "blobs-missing": 409,
    "email-taken": 409,
    "name-taken": 409,
    "not-empty": 409,
    "last-admin": 409,
    "identity-conflict": 409,
    "no-conflict": 409,
    "no-devices": 409,
    "rollout-state": 409,
    "not-claimed": 409,
    "not-approved": 409,
    "not-ready": 409,
    "not-verified": 409,
    "number-taken": 409,
    "rejected": 409,
    "signed-already": 409,
    "stale-proposal": 409,
    "too-many-targets": 409,
    "too-many-products": 409,
    "withdrawn": 409,
    "wrong-board": 409,
    "older-firmware": 409,
    "wrong-product": 409,
    "retired": 410,
    "too-large": 413,
    "manifest-too-large": 413,
    "bad-range": 416,
    "rate-limited": 429,
    "internal": 500,
    "key-exposed": 500,
    "no-metadata": 500,
    "busy": 503,
}


class HostError(Exception):
    """A refusal with a word of the table and a sentence for the person who reads it.

    `retry_after_s` says when asking again helps; `extra` are further fields of the answer.
    """

    keeps_changes = False  # True: what was written before the refusal (a counter) is committed

    def __init__(self, code, message, *, retry_after_s=None, **extra):
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = STATUS[code]
        self.retry_after_s = retry_after_s
        self.extra = extra

    def answer(self):
        """The JSON body of the refusal (SPEC section 7)."""
        return {"error": self.code, "message": self.message, **self.extra}


class KeptError(HostError):
    """A refusal that leaves a trace: an attempt counted, a conflict noted."""

    keeps_changes = True
