"""`mpfleet serve`: starts the host's processes, keeps them running, ends them all."""

import signal
import socket
import threading
import time

import click

from host import pki
from host.serve import prepare, roles
from host.serve.child import Child
from host.serve.errors import StartError

_LOOK_S = 0.1
_READY_S = 30
_DEATHS_MAX = 3  # before it was ever ready; afterwards it is started again for ever
_END_S = 4  # then killed: all is over within 5 s
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(settings, passphrase_file=None):
    """Serve until SIGINT, SIGTERM or SIGHUP.

    The file holds the passphrase for the fleet's keys, for the run that makes them.

    Raises: SystemExit with status 1 when the host cannot start; the reason has been printed.
    """
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in _SIGNALS}
    try:
        settings = prepare.ports(settings)
        with prepare.lock(settings.data_folder):
            prepare.prepare(settings, passphrase_file and prepare.passphrase_in(passphrase_file))
            _supervise([Child(role, settings) for role in roles(settings)], settings, stop)
    except StartError as error:
        click.echo(f"mpfleet serve: {error}", err=True)
        raise SystemExit(1) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _supervise(children, settings, stop):
    try:
        for child in children:
            child.start(time.monotonic())
        _wait_until_ready(children, settings, stop)
        if not stop.is_set():
            click.echo(_greeting(settings))
        while not stop.wait(_LOOK_S):
            _look(children)
    finally:
        _end(children)


def _look(children):
    for child in children:
        news = child.look(time.monotonic())
        if news:
            click.echo(f"mpfleet serve: {news}", err=True)


def _wait_until_ready(children, settings, stop):
    deadline = time.monotonic() + _READY_S
    ports = {settings.port}
    ports |= set() if settings.broker else {settings.mqtt_port}
    ports |= {settings.console_port} if settings.console_certificate else set()
    while not stop.wait(_LOOK_S):
        _look(children)
        ports = {port for port in ports if not _answers(settings.listen, port)}
        if not ports:
            return
        lost = [child.role for child in children if child.deaths >= _DEATHS_MAX]
        if lost or time.monotonic() > deadline:
            roles = ", ".join(lost) or "web or bridge"
            raise StartError("not-started", f"{roles} did not start; what it said is above.")


def _answers(listen, port):
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen, listen)  # noqa: S104
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def _end(children):
    for child in children:
        child.tell_to_end()
    deadline = time.monotonic() + _END_S
    while time.monotonic() < deadline and not all(child.is_gone() for child in children):
        time.sleep(0.02)
    for child in children:
        child.end()


def _greeting(settings):
    return (
        f"mpfleet is at {settings.public_url}\n"
        f"  boards: HTTPS port {settings.port}, MQTT port {settings.mqtt_port}\n"
        f"  sign in with the account shown at the first start (admin@{settings.fleet})\n"
        f"  data in {settings.data_folder}\n"
        f"  CA certificate {pki.folder_for(settings) / 'ca.pem'}, SHA-256\n"
        f"  {pki.colons(settings)}\n"
        "  Ctrl-C ends it"
    )
