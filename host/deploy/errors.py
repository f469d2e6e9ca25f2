"""What can go wrong between this computer and a board on its serial port, each with a word."""

from host.builder.errors import ToolError


class DeployError(ToolError):
    """A deploy did not get there. `code` is a word, `detail` a sentence, `advice` what to do."""

    def __init__(self, code: str, detail: str, advice: str = "") -> None:
        super().__init__(code, detail, advice)
        self.code, self.detail, self.advice = code, detail, advice

    def __str__(self) -> str:
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.detail} ({self.code}){advice}"
