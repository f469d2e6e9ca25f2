"""SLIP (RFC 1055): packets in a stream of bytes, as the ESP32's ROM and esptool frame them."""

_END, _ESCAPE = b"\xc0", b"\xdb"
_ESCAPED_END, _ESCAPED_ESCAPE = b"\xdb\xdc", b"\xdb\xdd"
_LONGEST = 64 * 1024  # of what may come without an end; the ROM's own buffer is smaller


def encode(packet):
    """A packet as it travels."""
    escaped = packet.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_END, _ESCAPED_END)
    return _END + escaped + _END


class Reader:
    """Takes bytes as they come, gives whole packets."""

    def __init__(self):
        self._rest = b""
        self._is_inside = False  # what came before the first end is noise

    def feed(self, data):
        """The packets that ended in these bytes."""
        *pieces, rest = (self._rest + data).split(_END)
        if pieces and not self._is_inside:
            self._is_inside = True
            del pieces[0]
        self._is_inside = self._is_inside and len(rest) <= _LONGEST
        self._rest = rest if self._is_inside else b""
        return [_unescaped(piece) for piece in pieces if piece]


def _unescaped(piece):
    return piece.replace(_ESCAPED_END, _END).replace(_ESCAPED_ESCAPE, _ESCAPE)
