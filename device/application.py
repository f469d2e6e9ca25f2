"""The user's application: started, again when it raises, let tidy up, and the board it is handed.

docs/APP.md is this file's contract, seen from the other side.
"""

import asyncio
import io
import sys
import time

from micropython import const

_TIDY_MS = 5000  # from being cancelled to the reset: time to switch a heater off
_HOLD_S = 600  # longest that hold() delays a planned reset
_RESTART_S = (1, 300)  # first delay before a restart, and the longest
_GOOD_RUN_MS = const(600000)  # a run of ten minutes starts the delays over
_HEALTH_MS = 10000
_THREAD_STACK = const(12288)  # ESP32's 4 kB do not carry a print of a float inside three calls
_TRACEBACK_CHARS = const(2000)


class Thread:
    """One blocking function of the application: how it ended, and when it was last heard of."""

    def __init__(self, function, args):
        self._function = function
        self._args = args
        self.ident = None
        self.heard_ms = time.ticks_ms()
        self.is_done = False
        self.result = None
        self.error = None

    def run(self):
        """Body of the thread."""
        import _thread

        self.ident = _thread.get_ident()
        try:
            self.result = self._function(*self._args)
        except BaseException as e:  # SystemExit too: it is the caller's, who awaits it in the loop
            self.error = e
        self.is_done = True


class Application:
    """The application's life."""

    def __init__(self, log, report, watchdog_s):
        self._log = log
        # (reason, detail, traceback): what becomes a report of kind `app`
        self._report = report
        self._silence_ms = watchdog_s * 1000
        self._task = None
        self._module = None
        self._threads = []
        self._held_until = None
        self._repeats = 0
        self.failure = None  # traceback of the last time it raised
        self.failures = 0
        self.is_started = False
        self.is_stopping = False

    async def run(self, board):
        """Task: the application, later each time, until it returns or is stopped."""
        delay_s, longest_s = _RESTART_S
        while not self.is_stopping:
            start = time.ticks_ms()
            self._task = asyncio.create_task(self._main(board))
            try:
                await self._task
                return
            except (
                Exception,
                asyncio.CancelledError,
            ) as e:  # cancelled by itself, too: by us only while stopping
                if self.is_stopping:
                    return
                self.note(e)
            if time.ticks_diff(time.ticks_ms(), start) > _GOOD_RUN_MS:
                delay_s = _RESTART_S[0]
            self._log("app", "starts again in", delay_s, "s")
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, longest_s)

    async def _main(self, board):
        self._forget_modules()
        import app.main

        self._module = app.main
        self.is_started = True
        try:
            await app.main.main(board)
        except SystemExit as e:  # sys.exit() would end the loop with everything in it
            raise RuntimeError("the application called sys.exit", e.args)
        self._log("app", "main() returned: it does not start again")

    def _forget_modules(self):
        for name in list(sys.modules):
            if name == "app" or name.startswith("app."):
                del sys.modules[name]

    def note(self, e):
        """Note what the application, or a task of its own, raised.

        A new traceback is reported at once, a known one the 10th, 100th … time.
        """
        out = io.StringIO()
        sys.print_exception(e, out)
        text = out.getvalue()[-_TRACEBACK_CHARS:]
        self.failures += 1
        self._repeats = self._repeats + 1 if text == self.failure else 1
        self.failure = text
        print(text)
        if str(self._repeats).strip("0") == "1":
            reason = "out-of-memory" if isinstance(e, MemoryError) else "app-raised"
            self._report(reason, "%r, %d times" % (e, self._repeats), text)

    async def is_healthy(self):
        """Whether the application runs and its own health(), if it has one, does not say no.

        A health() that raises counts as no and leaves its traceback in `failure`.
        """
        if not self.is_started:
            return False
        health = getattr(self._module, "health", None)
        if health is None:
            return True
        try:
            answer = health()
            if hasattr(answer, "send"):  # an async def
                answer = await asyncio.wait_for_ms(answer, _HEALTH_MS)
        except asyncio.TimeoutError:
            return False
        except Exception as e:
            self.note(e)
            return False
        return answer is None or bool(answer)

    def hold(self, seconds):
        """Delay a planned reset until `seconds` from now; 0 lets it happen."""
        self._held_until = time.ticks_add(time.ticks_ms(), int(min(seconds, _HOLD_S) * 1000))

    async def stop(self, why):
        """Before a planned reset: wait while it is held, cancel main(), give it five seconds."""
        start = time.ticks_ms()
        while self._is_held() and time.ticks_diff(time.ticks_ms(), start) < _HOLD_S * 1000:
            await asyncio.sleep_ms(200)
        self.is_stopping = True
        if self._task is None or self._task.done() or self._task is asyncio.current_task():
            return
        self._log("app", "is asked to end:", why)
        self._task.cancel()
        start = time.ticks_ms()
        while not self._task.done() and time.ticks_diff(time.ticks_ms(), start) < _TIDY_MS:
            await asyncio.sleep_ms(50)

    async def thread(self, function, args):
        """Run a blocking function in a thread of its own; its result, or what it raised."""
        import _thread

        thread = Thread(function, args)
        self._threads.append(thread)
        before = _thread.stack_size(_THREAD_STACK)
        try:
            _thread.start_new_thread(thread.run, ())
        finally:
            _thread.stack_size(before)
        try:
            while not thread.is_done:
                await asyncio.sleep_ms(50)
        finally:
            if thread.is_done:  # one that was cancelled runs on until the reset: it stays watched
                self._threads.remove(thread)
        if thread.error is not None:
            raise thread.error
        return thread.result

    def alive(self):
        """Called from a thread: it is well. False when it should end."""
        import _thread

        me = _thread.get_ident()
        for thread in self._threads:
            if thread.ident == me:
                thread.heard_ms = time.ticks_ms()
        return not self.is_stopping

    def is_silent(self):
        """Whether a thread has said nothing for a whole watchdog period."""
        now = time.ticks_ms()
        for thread in self._threads:
            if not thread.is_done and time.ticks_diff(now, thread.heard_ms) > self._silence_ms:
                return True
        return False

    def _is_held(self):
        return (
            self._held_until is not None and time.ticks_diff(self._held_until, time.ticks_ms()) > 0
        )


class Board:
    """The board, as its application sees it: all that it meets of the runtime."""

    def __init__(self, config, identity, log, link, application, power):
        self.config = config  # the application's own settings
        self.identity = identity
        self._log = log
        self._link = link
        self._application = application
        self._power = power

    def log(self, *values):
        """A line on the console, kept for reports."""
        self._log("app", *values)

    @property
    def online(self):
        """Whether the host hears from this board just now."""
        return self._link.is_online

    def publish(self, topic, value):
        """Send anything JSON can say, or bytes, to `mpfleet/<id>/data/<topic>`; 4 kB at most.

        Returns whether it was taken: False while offline, or when eight wait already.

        Raises:
            ValueError: too long, or no topic that a broker takes.
        """
        if not topic or "#" in topic or "+" in topic:
            raise ValueError("no topic: " + topic)
        return self._link.publish("data/" + topic, value)

    def hold(self, seconds=60):
        """Not now: no planned reset for so many seconds, ten minutes in all. hold(0) ends it."""
        self._application.hold(seconds)

    async def thread(self, function, *args):
        """Run a blocking function, which calls alive() now and then; returns what it returns."""
        return await self._application.thread(function, args)

    def alive(self):
        """From a thread: I am well. Returns False when the thread should end."""
        return self._application.alive()

    async def reset(self):
        """Restart the board; not counted as a crash."""
        await self._power.restart("the application asked")

    async def sleep(self, seconds):
        """Deep sleep, then a start from the beginning; an update in progress is finished first."""
        await self._power.sleep(seconds)
