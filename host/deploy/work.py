"""What the steps of one deploy hand on."""

from dataclasses import dataclass, field
from typing import Any

from host.deploy.board import Board
from host.deploy.files import Copier
from host.deploy.firmware import Firmware
from host.deploy.plan import Event, Host, Outcome, Plan, Report


@dataclass
class Work:
    """The plan, whom to ask and tell, and what is known so far."""

    plan: Plan
    host: Host
    report: Report
    board: Board
    copier: Copier
    outcome: Outcome = field(default_factory=Outcome)
    firmware: Firmware | None = None
    golden: dict[str, bytes] = field(default_factory=dict)  # by path on the board
    status: dict[str, Any] = field(default_factory=dict)  # what device.setup says of the board
    step: str = ""

    def say(self, text: str) -> None:
        """Report a sentence."""
        self.report(Event(self.step, text))

    def progress(self, done: int, total: int) -> None:
        """Report bytes copied."""
        if total:
            self.report(Event(self.step, "copying", done, total))
