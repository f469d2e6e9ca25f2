"""One thread in which everything of a virtual board happens: what its files have to say, timers,
calls from outside.
"""

import contextlib
import heapq
import itertools
import os
import queue
import selectors
import threading
import time


class Loop:
    """Waits for files and timers in a thread of its own; `call` runs a function there and hands
    back what it returned.
    """

    def __init__(self, name):
        self._selector = selectors.DefaultSelector()
        self._timers = []
        self._order = itertools.count()
        self._calls = queue.SimpleQueue()
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.watch(self._wake_read, self._run_calls)
        self._is_running = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self):
        """Begin."""
        self._thread.start()

    def stop(self):
        """End the thread and wait until it has ended."""
        self.call(self._stop)
        self._thread.join()
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def call(self, function, *args):
        """Run a function in the loop's thread and return (or raise) what it does; harmless from
        inside the loop.
        """
        if threading.current_thread() is self._thread:
            return function(*args)
        answer = queue.SimpleQueue()
        self._calls.put((function, args, answer))
        os.write(self._wake_write, b"!")
        result, error = answer.get()
        if error is not None:
            raise error
        return result

    def post(self, function, *args):
        """Have a function run in the loop's thread soon, and do not wait for it."""
        self._calls.put((function, args, queue.SimpleQueue()))
        os.write(self._wake_write, b"!")

    def watch(self, file, when_readable):
        """Call a function whenever there is something to read."""
        self._selector.register(file, selectors.EVENT_READ, (when_readable, None))

    def watch_write(self, file, when_writable):
        """Also call a function whenever there is room to write; None stops that."""
        key = self._selector.get_key(file)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if when_writable else 0)
        self._selector.modify(file, events, (key.data[0], when_writable))

    def forget(self, file):
        """Watch a file no more (harmless if it was not)."""
        try:
            self._selector.unregister(file)
        except (KeyError, ValueError):
            return

    def after(self, seconds, function, *args):
        """Call a function later; returns a handle whose `cancel` undoes it."""
        timer = Timer(time.monotonic() + seconds, function, args)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    def _run(self):
        while self._is_running:
            for key, events in self._selector.select(self._patience()):
                # What was handled before may have forgotten, and closed, this one; one that is
                # watched in another way since is ready the next time, too.
                if self._selector.get_map().get(key.fd) is key:
                    self._handle(key, events)
            # Files come first: a watchdog that was fed in time is not judged by when its feeding
            # was read.
            self._run_timers()
        self._run_calls()

    def _handle(self, key, events):
        when_readable, when_writable = key.data
        if events & selectors.EVENT_WRITE and when_writable:
            when_writable()
        if events & selectors.EVENT_READ:
            when_readable()

    def _patience(self):
        while self._timers and self._timers[0][2].function is None:
            heapq.heappop(self._timers)
        return max(0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _run_timers(self):
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.function is not None:
                timer.function(*timer.args)

    def _run_calls(self):
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        while not self._calls.empty():
            function, args, answer = self._calls.get()
            try:
                answer.put((function(*args), None))
            except BaseException as error:
                answer.put((None, error))

    def _stop(self):
        self._is_running = False


class Timer:
    """A call that is to come."""

    def __init__(self, due, function, args):
        self.due = due
        self.function = function
        self.args = args

    def cancel(self):
        """Let it not happen."""
        self.function = None
