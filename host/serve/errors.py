"""Why a host does not start."""


class StartError(Exception):
    """The host cannot start; `code` is its word, the message says what to do about it."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
