"""socket on a virtual board: the computer's sockets, led through the board's radio.

getaddrinfo gives the address of a relay (simulator/relay.py), so it must be asked before
connecting, as is the custom.
"""

from usocket import *  # noqa: F403 - all of it, but for what follows
import usocket
import _board

_LOOPBACK = "127.0.0.1"


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    if host not in ("0.0.0.0", ""):  # a board's server listens on the computer's loopback
        port = _board.call("resolve", host, int(port))
    return usocket.getaddrinfo(_LOOPBACK, port, usocket.AF_INET, type or usocket.SOCK_STREAM)
