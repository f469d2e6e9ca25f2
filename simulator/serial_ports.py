"""The serial ports of a board: what it says comes out of each, and stays in a transcript."""

from simulator.network_port import NetworkPort, Plain
from simulator.port import Port
from simulator.rfc2217 import Rfc2217
from simulator.transcript import Transcript


class SerialPorts:
    """A pty at `path`, and as many ports on the loopback as are asked for.

    `hear(data, answer)` takes what comes in, `set_lines` DTR and RTS where a port has them.
    """

    def __init__(self, loop, hear, set_lines, log):
        self._loop, self._hear = loop, hear
        self._speak = {"socket": Plain, "rfc2217": lambda send: Rfc2217(send, set_lines)}
        pty = Port(loop, hear)
        self.path = pty.path
        self.transcript = Transcript(log)
        self._ports = [pty]

    def listen(self, scheme, number):
        """One more port, on the computer's loopback; its URL. Raises: OSError if it is taken."""
        speak = self._speak[scheme]
        port = self._loop.call(NetworkPort, self._loop, number, speak, self._hear)
        self._loop.call(self._ports.append, port)
        return f"{scheme}://{port.address}"

    def say(self, data):
        """The board says something."""
        if data:
            for port in self._ports:
                port.write(data)
            self.transcript.write(data)

    def close(self):
        """Give them back."""
        for port in self._ports:
            port.close()
        self.transcript.close()
