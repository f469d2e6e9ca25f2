"""A serial port over Telnet (RFC 2217), as pyserial's client and server speak it: data, settings,
and the lines DTR and RTS.
"""

import struct

from serial import rfc2217

# What pyserial's PortManager raises for a message that is cut short or means nothing.
_GARBLED = (struct.error, LookupError, TypeError)


class Rfc2217:
    """One visit. `when_lines(dtr, rts)` hears of every change of the two lines."""

    def __init__(self, send, when_lines):
        self._lines = _Lines(when_lines)
        self._manager = rfc2217.PortManager(self._lines, _Connection(send))

    def encode(self, data):
        """Bytes for the visitor."""
        return data.replace(rfc2217.IAC, rfc2217.IAC_DOUBLED)

    def decode(self, data):
        """Bytes for the board; everything else is obeyed and answered.

        Raises: ValueError for a message that is cut short or means nothing.
        """
        try:
            return b"".join(self._manager.filter(data))
        except _GARBLED as error:
            raise ValueError(f"garbled Telnet: {error}") from None

    def hang_up(self):
        """The visitor has gone: the lines fall, as they do when a serial port is closed."""
        self._lines.fall()


class _Connection:
    """What PortManager writes its own messages to."""

    def __init__(self, write):
        self.write = write


class _Lines:
    """The port as PortManager sees it: a `serial.Serial` as far as it asks. The settings are kept
    and told again, but mean nothing: a byte here takes no time.
    """

    cts = dsr = cd = True
    ri = False

    def __init__(self, when_lines):
        self._when_lines = when_lines
        self._dtr = self._rts = False
        self.baudrate, self.bytesize, self.parity, self.stopbits = 115200, 8, "N", 1
        self.xonxoff = self.rtscts = self.break_condition = False

    @property
    def dtr(self):
        return self._dtr

    @dtr.setter
    def dtr(self, is_asserted):
        self._set(is_asserted, self._rts)

    @property
    def rts(self):
        return self._rts

    @rts.setter
    def rts(self, is_asserted):
        self._set(self._dtr, is_asserted)

    def fall(self):
        self._set(False, False)

    def reset_input_buffer(self):
        """What was sent cannot be taken back: it reaches the visitor before the answer, and is
        dropped there.
        """

    def reset_output_buffer(self):
        """Nothing waits to reach the board."""

    def _set(self, dtr, rts):
        if (dtr, rts) != (self._dtr, self._rts):
            self._dtr, self._rts = dtr, rts
            self._when_lines(dtr, rts)
