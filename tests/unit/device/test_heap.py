"""The Python heap of an ESP32 takes a bounded share of the memory that TLS and WiFi live on."""

from pathlib import Path

import pytest

MAIN = Path(__file__).parents[3] / "main.py"

# A block of `free` bytes; a thread's stack and then the growing heap are taken from it. The stack
# comes back when the main thread sleeps, not before: until then the thread gets no turn.
ESP32 = """
import _thread, gc, sys, time
import esp32
state = {"free": given[0], "stacks": [], "asked": 0, "slept": 0}
def idf_heap_info(capabilities):
    state["asked"] += 1
    stack = state["stacks"][0] if state["stacks"] else 0
    grown = state["asked"] > 2 + given[1]
    return [(170000, 0, 4000 if grown else state["free"] - stack, 0), (8000, 0, 2000, 0)]
esp32.HEAP_DATA, esp32.idf_heap_info = 4, idf_heap_info
from device import start as heap
class Gate:
    is_held = False
    def acquire(self):
        self.is_held = True
    def release(self):
        self.is_held = False
gate = Gate()
class Threads:
    def allocate_lock(self):
        return gate
    def start_new_thread(self, body, args):
        pass
    def stack_size(self, size):
        if size:
            state["stacks"].append(size)
class Clock:
    def sleep_ms(self, ms):
        state["slept"] += ms * (not gate.is_held)
class System:
    platform = given[2]
heap._thread, heap.time, heap.sys = Threads(), Clock(), System()
bit = heap.grow()
print(None if bit is None else len(bit), state["stacks"], state["slept"])
"""


def grow(on_board, free, allocations, platform="esp32"):
    return on_board(ESP32, free, allocations, platform)


def test_it_grows_by_what_a_stack_leaves_of_the_block_and_gives_the_stack_back(on_board):
    assert grow(on_board, 110592, 20) == [f"512 [{110592 - 53248}] 20"]


def test_what_does_not_grow_is_given_up(on_board):
    assert grow(on_board, 110592, 1000) == [f"None [{110592 - 53248}] 20"]


@pytest.mark.parametrize("free", (53248, 86015, 4_000_000), ids=["used", "small", "external RAM"])
def test_a_block_with_nothing_to_share_out_is_left_alone(on_board, free):
    assert grow(on_board, free, 20) == ["None [] 0"]


def test_a_virtual_boards_heap_does_not_grow(on_board):
    assert grow(on_board, 110592, 20, "linux") == ["None [] 0"]


def test_garbage_is_collected_before_it_spreads_over_the_heap(on_board):
    script = "import gc\nfrom device.start import grow\ngrow()\nprint(gc.threshold())"
    assert on_board(script) == ["16384"]


FREE = """
import sys
from device import power
class Platform:
    platform = given[0]
power.sys = Platform()
power.largest_blocks = lambda: [30000, 4000]
power.gc.collect()
print(power.gc.mem_free() - power.free_heap() > 25000)
"""


@pytest.mark.parametrize(("platform", "is_less"), (("esp32", True), ("linux", False)))
def test_what_the_heap_could_grow_by_is_not_free(on_board, platform, is_less):
    assert on_board(FREE, platform) == [str(is_less)]


# main.py, with a device.start that would be missed and a device.run that forgets it.
START = """
ballast = bytearray(200000)
def grow():
    return ballast[:10]
"""
RUN = """
import gc, sys
def main():
    del sys.modules["device.start"], sys.modules["device"].start
    gc.collect()
    print(gc.mem_alloc() < 150000)
"""
STARTER = """
sys.path[:0] = given[:1]
exec(open(given[1]).read())
"""


def test_what_is_done_once_is_gone_while_the_runtime_runs(on_board, tmp_path):
    (tmp_path / "device").mkdir()
    (tmp_path / "device/start.py").write_text(START)
    (tmp_path / "device/run.py").write_text(RUN)
    assert on_board(STARTER, str(tmp_path), str(MAIN)) == ["True"]
