"""What can be wrong with an app folder or a bundle, each with a word."""


class ToolError(Exception):
    """What a person at the command line can act on: a word, and a sentence as the text."""

    code = "failed"


class AdvisedError(ToolError):
    """Something did not get there. `code` is a word, `detail` a sentence, `advice` what to do."""

    def __init__(self, code: str, detail: str, advice: str = "") -> None:
        super().__init__(code, detail, advice)
        self.code, self.detail, self.advice = code, detail, advice

    def __str__(self) -> str:
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.detail} ({self.code}){advice}"


class BuildError(ToolError):
    """A release cannot be made of this. `code` is a word, `place` the file (with its line)."""

    def __init__(self, code: str, place: str, detail: str) -> None:
        super().__init__(code, place, detail)
        self.code, self.place, self.detail = code, place, detail

    def __str__(self) -> str:
        return f"{self.place}: {self.detail} ({self.code})"
