"""The Python heap of an ESP32 takes a bounded share of the memory that TLS and WiFi live on."""

import pytest

# A block of `free` bytes; a thread's stack and then the growing heap are taken from it.
ESP32 = """
import _thread, gc
import esp32
state = {"free": given[0], "stacks": [], "asked": 0}
def idf_heap_info(capabilities):
    state["asked"] += 1
    stack = state["stacks"][0] if state["stacks"] else 0
    grown = state["asked"] > 2 + given[1]
    return [(170000, 0, 4000 if grown else state["free"] - stack, 0), (8000, 0, 2000, 0)]
esp32.HEAP_DATA, esp32.idf_heap_info = 4, idf_heap_info
from device import start as heap
class Threads:
    allocate_lock = _thread.allocate_lock
    start_new_thread = _thread.start_new_thread
    def stack_size(self, size):
        if size:
            state["stacks"].append(size)
heap._thread = Threads()
bit = heap.grow()
print(None if bit is None else len(bit), state["stacks"])
"""


def test_it_grows_by_what_a_stack_leaves_of_the_block(on_board):
    assert on_board(ESP32, 94208, 20) == [f"512 [{94208 - 36864}]"]


def test_what_does_not_grow_is_given_up(on_board):
    assert on_board(ESP32, 94208, 1000) == [f"None [{94208 - 36864}]"]


@pytest.mark.parametrize("free", (36864, 53248, 4_000_000), ids=["used", "small", "external RAM"])
def test_a_block_with_nothing_to_share_out_is_left_alone(on_board, free):
    assert on_board(ESP32, free, 20) == ["None []"]
