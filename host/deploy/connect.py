"""The board's prompt, whatever state the board is in."""

from host.deploy import agent, diagnosis, repair
from host.deploy.board import Board
from host.deploy.errors import DeployError
from host.deploy.files import Copier
from host.deploy.firmware import describe, inspect
from host.deploy.work import Work


def stop(work: Work) -> None:
    """Stop what runs and enter the raw REPL; a broken file system is made anew.

    Raises:
        DeployError: what `Board` raises, or `not-agreed`.
    """
    work.say(f"stopping what runs on {work.port}")
    work.board = Board(work.port, work.plan.patience)
    work.copier = Copier(work.board)
    try:
        work.board.stop()
    except DeployError as error:
        if error.code != diagnosis.BROKEN:
            raise
        repair.format(work)


def look(work: Work) -> None:
    """See what firmware runs, and whether it will do.

    Raises:
        DeployError: what `inspect` raises.
    """
    work.firmware = inspect(work.board)
    work.board.run(agent.SOURCE)
    work.say(describe(work.firmware, is_known=work.chip is not None))
