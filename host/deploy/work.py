"""What the steps of one deploy hand on."""

import contextlib
from dataclasses import dataclass, field
from typing import Any

from host.deploy.binary import Chip
from host.deploy.board import Board
from host.deploy.errors import DeployError
from host.deploy.files import Copier
from host.deploy.firmware import Firmware
from host.deploy.loader import Loader
from host.deploy.plan import Ask, Event, Host, Outcome, Plan, Report


@dataclass
class Work:
    """The plan, whom to ask and tell, and what is known so far."""

    port: str
    plan: Plan
    host: Host
    report: Report
    ask: Ask
    outcome: Outcome = field(default_factory=Outcome)
    loader: Loader | None = None  # while the chip waits in it
    chip: Chip | None = None  # what the loader said, if it was reached
    board: Board | None = None
    copier: Copier | None = None
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

    def agree(self, what: str) -> None:
        """Go on only if a person wants this.

        Raises:
            DeployError: `not-agreed`.
        """
        if not self.ask(what):
            raise DeployError("not-agreed", f"{what}: nobody agreed to that", "--yes does")

    def close(self) -> None:
        """Let go of the port, in whatever state."""
        for part in (self.loader, self.board):
            if part:
                with contextlib.suppress(OSError):
                    part.close()
