"""HTTP/1.1 to the device API: one kept connection, bodies into the caller's buffer, bounded."""

import json

from micropython import const

from device.errors import HttpError, NetworkError
from device.protocol import API, PROGRESS_HEADER

_LINE_BYTES = const(512)
_LINES = const(40)
_ERROR_BODY_BYTES = const(512)  # of an error's text: worth reading to keep the connection
_HEADERS = (
    b"connection",
    b"content-length",
    b"content-range",
    b"content-type",
    b"date",
    b"retry-after",
    b"transfer-encoding",
)

_MONTHS = const("JanFebMarAprMayJunJulAugSepOctNovDec")
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


class Http:
    """The board's one HTTPS client. Read or close a response before the next request."""

    def __init__(self, host, clock, log, authorization):
        self._host = host
        self._clock = clock
        self._log = log
        self._authorization = authorization
        self._connection = None

    async def get(self, path, offset=0, accept=None, progress=None):
        """Response of status 200, or 206 from `offset` on.

        Raises:
            NetworkError: the host was not reached or the connection ended.
            HttpError: any other answer; redirects are not followed.
        """
        head = self._head("GET", path)
        if offset:
            head += "Range: bytes=%d-\r\n" % offset
        if accept:
            head += "Accept: %s\r\n" % accept
        if progress:
            head += "%s: %s\r\n" % (PROGRESS_HEADER, progress)
        response = await self._ask(head.encode() + b"\r\n")
        if offset and not response.is_from(offset):
            self.close()
            raise HttpError("bad-answer", response.status)
        return response

    async def post(self, path, value, authorized=True):
        """Response to a JSON body. Raises as get() does."""
        body = json.dumps(value).encode()
        head = self._head("POST", path, authorized)
        head += "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        return await self._ask(head.encode() + body)

    def close(self):
        """Drop the kept connection and the 26 kB it costs."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _head(self, method, path, authorized=True):
        head = "%s %s%s HTTP/1.1\r\nHost: %s\r\n" % (method, API, path, self._host.name)
        if authorized:
            head += "Authorization: %s\r\n" % self._authorization
        return head

    async def _ask(self, request):
        response = await self._exchange(request)
        heard = parse_date(response.headers.get("date", ""))
        if heard is not None:
            self._clock.hear(heard)
        if response.status in (200, 206):
            return response
        await response.skip(_ERROR_BODY_BYTES, self._log)
        raise HttpError(
            "http-%d" % response.status,
            response.status,
            _number(response.headers.get("retry-after")),
        )

    async def _exchange(self, request):
        """Send and read the head of the answer; a kept connection gone stale is replaced once."""
        if self._connection:
            try:
                return await self._try(request)
            except NetworkError as e:
                if e.code == "timeout":
                    raise
        try:
            return await self._try(request)
        except NetworkError as e:
            if not (self._host.is_out_of_time(e) and self._clock.doubt()):
                raise
        return await self._try(request)

    async def _try(self, request):
        try:
            if self._connection is None:
                self._connection = await self._host.open_tls(self._host.port)
            await self._connection.write(request)
            return await self._read_head()
        except BaseException:  # cancelled too: half an exchange leaves nothing to keep
            self.close()
            raise

    async def _read_head(self):
        line = await self._connection.readline(_LINE_BYTES)
        if line is None:
            raise NetworkError("cut", "before the answer")
        words = line.split(b" ")
        status = _number(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/1.") else None
        if status is None:
            raise HttpError("bad-answer", 0)
        headers = {}  # type: dict[str, str]
        for _ in range(_LINES):
            line = await self._connection.readline(_LINE_BYTES)
            if line is None:
                raise NetworkError("cut", "in the headers")
            if not line:
                return Response(self, self._connection, status, headers)
            name, _, value = line.partition(b":")
            name = name.lower()
            if name in _HEADERS:
                headers[name.decode()] = _text(value)
        raise HttpError("bad-answer", status)


class Response:
    """An answer whose body is still on its way."""

    def __init__(self, http, connection, status, headers):
        self._http = http
        self._connection = connection
        self.status = status
        self.headers = headers
        self.kind = headers.get("content-type", "").split(";")[0]
        self.left = _number(headers.get("content-length"))
        if self.left is None or "transfer-encoding" in headers:
            if status in (200, 206):
                # a body without a length cannot be told from a cut one
                raise HttpError("bad-answer", status)
            self.left = -1  # an error's: not worth reading
        self._is_kept = headers.get("connection", "").lower() != "close"
        self._finish()

    def is_from(self, offset):
        """Whether the body starts at this byte of the whole."""
        return self.status == 206 and self.headers.get("content-range", "").startswith(
            "bytes %d-" % offset
        )

    async def readinto(self, view):
        """Bytes of the body put into `view`, 0 at its end. Raises NetworkError."""
        if self.left <= 0:
            return 0
        if len(view) > self.left:
            view = memoryview(view)[: self.left]
        n = self._connection.try_readinto(view)
        if n is None:
            n = await self._connection.readinto(view)
        if not n:
            self._http.close()
            raise NetworkError("cut", self.left, "bytes missing")
        self.left -= n
        if not self.left:
            self._finish()
        return n

    async def read(self, limit):
        """The whole body. Raises HttpError `bad-answer` where it is longer than `limit`."""
        if self.left > limit:
            await self.close()
            raise HttpError("bad-answer", self.status)
        body = bytearray(self.left)
        view = memoryview(body)
        done = 0
        while done < len(body):
            done += await self.readinto(view[done:])
        return bytes(body)

    async def json(self, limit):
        """The whole body as JSON. Raises HttpError `bad-answer` where it is none."""
        try:
            return json.loads(await self.read(limit))
        except (ValueError, RuntimeError):  # RuntimeError: nested too deep for the stack
            raise HttpError("bad-answer", self.status)

    async def skip(self, limit, log):
        """Log an error's body and keep the connection, where it is short enough."""
        if 0 <= self.left <= limit:
            log("http", self.status, _text(await self.read(limit)))
        else:
            await self.close()
            log("http", self.status)

    async def close(self):
        """Leave the rest unread: only a connection whose body was read to the end can be kept."""
        if self.left:
            self._http.close()

    def _finish(self):
        if not self.left and not self._is_kept:
            self._http.close()


def seconds(year, month, day, hour, minute, second):
    """Seconds since 2000-01-01 of a UTC date from 2000 on."""
    # leap days of 2000 … year-1
    leaps = (year - 1) // 4 - (year - 1) // 100 + (year - 1) // 400 - 484
    days = (year - 2000) * 365 + leaps + _DAYS_BEFORE[month - 1] + day - 1
    if month > 2 and year % 4 == 0 and (year % 100 or year % 400 == 0):
        days += 1
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def parse_date(text):
    """Seconds since 2000 of an HTTP date, `Sun, 06 Nov 2044 08:49:37 GMT`, or None."""
    try:
        day, month, year, clock = text.split(", ")[1].split(" ")[:4]
        hour, minute, second = [int(n) for n in clock.split(":")]
        index = _MONTHS.index(month)
        if len(month) != 3 or index % 3 or int(year) < 2000:
            return None
        return seconds(int(year), index // 3 + 1, int(day), hour, minute, second)
    except (ValueError, IndexError):
        return None


def _number(text):
    try:
        n = int(text)
    except (TypeError, ValueError):
        return None
    return n if n >= 0 else None


def _text(data):
    try:
        return data.strip().decode()
    except UnicodeError:
        return ""
