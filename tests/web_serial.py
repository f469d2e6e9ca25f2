"""Web Serial of a headless Chromium, on the port of a virtual board.

Chromium finds only ports that the system's device manager lists, which a pty is not, and it has no
emulation of them: so the page's `navigator.serial` is replaced by one whose bytes go through here.
"""

import contextlib

import serial

_WAIT_S = 0.02
_IN_PAGE = """
{
  const port = {
    async open() {
      this.readable = new ReadableStream({
        async pull(to) {
          const bytes = await window.serialRead();
          to.enqueue(Uint8Array.from(bytes));
        },
      });
      this.writable = new WritableStream({ write: (bytes) => window.serialWrite([...bytes]) });
    },
    async close() {},
  };
  Object.defineProperty(navigator, "serial", { value: { requestPort: async () => port } });
}
"""


@contextlib.contextmanager
def web_serial(page, path):
    """Within, a page that asks for a serial port gets this one."""
    with serial.serial_for_url(path, 115200, timeout=_WAIT_S) as port:
        page.expose_function("serialRead", lambda: list(port.read(port.in_waiting or 1)))
        page.expose_function("serialWrite", lambda data: port.write(bytes(data)))
        page.add_init_script(_IN_PAGE)
        yield
