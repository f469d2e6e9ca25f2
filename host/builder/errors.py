"""What can be wrong with an app folder or a bundle, each with a word."""


class BuildError(Exception):
    """A release cannot be made of this. `code` is a word, `place` the file (with its line)."""

    def __init__(self, code: str, place: str, detail: str) -> None:
        super().__init__(code, place, detail)
        self.code, self.place, self.detail = code, place, detail

    def __str__(self) -> str:
        return f"{self.place}: {self.detail} ({self.code})"
