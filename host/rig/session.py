"""A session of a rig: a host, its boards, and all scenarios on all of them at once."""

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from host.builder.release import Release
from host.rig import emulator, power, report
from host.rig.board import Board, Parts
from host.rig.console import Console
from host.rig.errors import Interrupted, RigError
from host.rig.file import BoardTable, Qemu, Rig, Virtual, WifiTable
from host.rig.report import Report, Result
from host.rig.scenarios import Scenario
from host.rig.site import Site
from simulator import AccessPoint

_ALONE = WifiTable(ssid="rig", password="of virtual boards")  # noqa: S106 - nobody joins it else


class Session:
    """Boards of a rig at a host of their own; `folder` keeps the logs."""

    def __init__(self, rig: Rig, candidate: Release, folder: Path) -> None:
        self.rig, self.candidate, self.folder = rig, candidate, folder.absolute()
        self.is_over = threading.Event()
        self._stack = contextlib.ExitStack()
        self._wifi = rig.wifi or _ALONE
        self._scratch = Path()
        self.site: Site | None = None
        self.boards: list[Board] = []

    def __enter__(self) -> "Session":
        """Start the host and switch nothing on yet.

        Raises:
            RigError: what is missing.
        """
        with contextlib.ExitStack() as stack:
            self._stack = stack
            _check_models(self.rig, self.candidate)
            self.folder.mkdir(parents=True, exist_ok=True)
            self._scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rig-")))
            self.site = Site(self._scratch, self.folder, self.rig.host, self.candidate)
            stack.callback(self.site.close)
            self.site.prepare()
            self.boards = [self._board(n, table) for n, table in enumerate(self.rig.boards)]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End the host and let go of the boards, which keep their power."""
        self._stack.close()

    def play(self, scenarios: Sequence[Scenario], tell: report.Tell) -> Report:
        """Play scenarios, in order on each board, on all boards at once; Ctrl-C ends it early."""
        results: list[Result] = []

        def keep(result: Result) -> None:
            results.append(result)
            tell(result)

        with ThreadPoolExecutor(len(self.boards)) as pool:
            try:
                runs = [pool.submit(self._play_on, b, scenarios, keep) for b in self.boards]
                for run in runs:
                    run.result()
            except KeyboardInterrupt:
                self.is_over.set()
        found = self.candidate
        is_over = self.is_over.is_set()
        return Report(found.product, found.number, results, is_over, str(self.folder))

    def _play_on(
        self, board: Board, scenarios: Iterable[Scenario], keep: Callable[[Result], None]
    ) -> None:
        with contextlib.suppress(Interrupted):
            for scenario in scenarios:
                if self.is_over.is_set():
                    return
                keep(report.run(board, scenario))

    def _board(self, index: int, table: BoardTable) -> Board:
        switch, port = self._switch(index, table)
        console = Console(port, self.folder / f"{table.name}.log", self.is_over)
        client = self.site.sign_in()
        board = Board(
            Parts(
                table=table,
                wifi=self._wifi,
                power=switch,
                port=port,
                console=console,
                site=self.site,
                client=client,
                is_over=self.is_over,
                images=_images(table),
                resets=self.rig.resets,
            )
        )
        self._stack.callback(board.close)
        return board

    def _switch(self, index: int, table: BoardTable) -> tuple[power.Power, Callable[[], str]]:
        """The power of a board, and what says its port."""
        folder = self._scratch / table.name
        if isinstance(table.power, Virtual):
            air = AccessPoint(self._wifi.ssid, self._wifi.key)
            made = emulator.VirtualPower(folder, table.model, index, air)
        elif isinstance(table.power, Qemu):
            made = emulator.QemuPower(
                table.power, folder, self.folder / f"{table.name}.emulator.log"
            )
        else:
            return _SWITCHES[table.power.by](table.power), lambda: table.port
        self._stack.callback(made.close)
        return made, lambda: made.port


_SWITCHES = {
    "none": lambda table: power.NoSwitch(),
    "uhubctl": power.HubSwitch,
    "relay": power.RelaySwitch,
}


def _check_models(rig: Rig, candidate: Release) -> None:
    boards = candidate.value["boards"]
    for table in rig.boards:
        if table.model not in boards:
            detail = f"the release is for {', '.join(boards)}; {table.name} is a {table.model}"
            raise RigError("wrong-board", detail)


def _images(table: BoardTable) -> list[bytes]:
    if table.firmware:
        return [_read(path) for path in table.firmware]
    return emulator.images() if isinstance(table.power, Virtual) else []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RigError("rig-invalid", f"firmware {path}: {error.strerror}") from error
