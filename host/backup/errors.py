"""Why a backup was not made, or not restored."""

from host.builder.errors import ToolError


class BackupError(ToolError):
    """Nothing was changed; `code` is the word, the message says what to do."""

    def __init__(self, code, message):
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self):
        return f"{self.message} ({self.code})"
