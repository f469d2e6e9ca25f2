"""What the application is handed: the object through which it meets the runtime (docs/APP.md)."""


class Board:
    """The board, as its application sees it."""

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
