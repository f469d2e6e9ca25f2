"""The loop of a virtual board."""

import os
import threading

from simulator.loop import Loop


def test_a_file_that_was_forgotten_a_moment_before_is_not_handled():
    loop, handled, begun = Loop("loop"), [], threading.Event()
    ends = [os.pipe() for _ in range(2)]

    def handle(read):
        handled.append(read)
        begun.set()
        for one, _ in ends:
            loop.forget(one)

    def make_both_ready():
        for read, write in ends:
            loop.watch(read, lambda read=read: handle(read))
            os.write(write, b"!")

    loop.start()
    loop.call(make_both_ready)
    assert begun.wait(5)
    loop.stop()
    for end in [end for pair in ends for end in pair]:
        os.close(end)
    assert len(handled) == 1
