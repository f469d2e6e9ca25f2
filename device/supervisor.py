"""Keeps tasks up: one that dies is logged and started again, later each time."""

import asyncio
import gc
import sys

_DELAY_S = (1, 60)  # before a task that died is started again


class Supervisor:
    """Runs a table of tasks. `on_memory_error` is told the name of one that ran out of memory."""

    def __init__(self, log, on_memory_error):
        self._log = log
        self._on_memory_error = on_memory_error

    async def run(self, table):
        """Start each (name, async function), and stay; one that returns has done its work."""
        await asyncio.gather(*[asyncio.create_task(self._keep(*row)) for row in table])

    async def _keep(self, name, body):
        delay_s, longest_s = _DELAY_S
        while True:
            try:
                return await body()
            except Exception as e:
                self._log(name, "died:", repr(e))
                sys.print_exception(e)
                if isinstance(e, MemoryError):
                    gc.collect()
                    self._on_memory_error(name)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, longest_s)


def drop(names, resident):
    """Forget modules that nobody uses just now, and give their heap back.

    `names` ends in a dot where a whole package is meant; the module `resident` stays.
    """
    for name in list(sys.modules):
        if name.startswith(names) and name != resident:
            del sys.modules[name]
            package, _, last = name.rpartition(".")
            if hasattr(sys.modules[package], last):  # not so where its import failed
                delattr(sys.modules[package], last)
    gc.collect()
