"""The family of errors a board can meet, each with the word that travels in reports and docs.

A class says what a caller can do about it; the word (`code`) says what happened. docs/SPEC.md
section 10 lists the words.
"""


class DeviceError(Exception):
    """Anything the world did to us.

    `code` is a word of SPEC section 10, the rest are the values: offered, then trusted.
    """

    def __init__(self, code, *values):
        super().__init__(code, *values)
        self.code = code

    def detail(self):
        """One line for a report: the word and the values behind it."""
        return " ".join(str(a) for a in self.args)[:200]


class NetworkError(DeviceError):
    """WiFi, name look-up, connection, TLS or time-out: try again later."""


class HttpError(DeviceError):
    """The host answered, but not with what was asked for.

    `status` is its HTTP status, `retry_after_s` what it asked for or None.
    """

    def __init__(self, code, status, retry_after_s=None):
        super().__init__(code, status)
        self.status = status
        self.retry_after_s = retry_after_s


class Damaged(DeviceError):
    """Bytes are not what their hash or format says: throw them away and fetch them again."""


class Refused(DeviceError):
    """This release is not for this board as it stands: report it and do not try it again."""


class Untrusted(DeviceError):
    """Metadata or a target is not what our root vouches for: what was believed before stays."""


class StorageFull(DeviceError):
    """The file system has no room: nothing was changed."""


class Starved(DeviceError):
    """The application leaves an update too little time: go on without it."""
