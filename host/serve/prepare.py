"""What must be in place before a host runs: ports, data folder, database, certificates, admin."""

import datetime as dt
import fcntl
import os
import secrets
import socket
import ssl

import click

from host import migrations, pki
from host.errors import HostError
from host.extensions import Database
from host.metadata import keys
from host.serve.errors import StartError
from host.services import accounts, proposals, trust

_LOCK_FILE = "serve.lock"
_PREPARE_LOCK_FILE = "prepare.lock"


def ports(settings):
    """The settings with a free port where they say 0. Raises: StartError if one is taken."""
    port = _free_port(settings.listen, settings.port, "--port")
    mqtt_port = settings.mqtt_port
    if not settings.broker:
        mqtt_port = _free_port(settings.listen, mqtt_port, "--mqtt-port")
    console_port = settings.console_port
    if settings.console_certificate:
        console_port = _free_port(settings.listen, console_port, "--console-port")
    found = {"port": port, "mqtt_port": mqtt_port, "console_port": console_port}
    return settings.model_copy(update=found)


def lock(folder):
    """Keep a second host off a data folder for as long as the returned file is open."""
    file = _open(folder / _LOCK_FILE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        text = f"{folder} is in use by another mpfleet serve: choose another with --data"
        raise StartError("data-in-use", text) from None
    return file


def prepare(settings, passphrase=None):
    """Bring database and certificates up to date; make the first admin, and the fleet's keys.

    Processes that start alone at the same time do so one after the other. Without a passphrase
    for the keys one is made.
    """
    with _open(settings.data_folder / _PREPARE_LOCK_FILE) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _prepare(settings, passphrase)


def passphrase_in(path):
    """The first line of a file. Raises: StartError when others can read it, or it is too short."""
    try:
        text = path.read_text().split("\n")[0]
        if path.stat().st_mode & 0o077:
            raise StartError("key-exposed", f"others can read {path}: chmod 600 {path}")
        keys.check_passphrase(text)
        return text
    except OSError as error:
        raise StartError("no-key", f"{path}: {error.strerror}") from error
    except HostError as error:
        raise StartError(error.code, f"{path}: {error.message}") from error


def _prepare(settings, passphrase):
    database = Database(settings.url)
    try:
        migrations.upgrade(settings)
        pki.ensure_for(settings, dt.datetime.now(dt.UTC))
        _check_console(settings)
        _ensure_admin(database, f"admin@{settings.fleet}")
        _ensure_trust(database, trust.Trust(settings.data_folder), passphrase)
    except pki.PkiError as error:
        raise StartError(error.code, str(error)) from error
    except HostError as error:
        raise StartError(error.code, error.message) from error
    finally:
        database.close()


def _check_console(settings):
    if not settings.console_certificate:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.console_certificate, settings.console_key)
    except OSError as error:  # ssl.SSLError is one: no PEM, another key, a file that is missing
        names = f"{settings.console_certificate} and {settings.console_key}"
        text = f"{names} are no certificate with its key: {error.strerror or error}"
        raise StartError("bad-certificate", text) from error


def _ensure_admin(database, email):
    with database.begin() as session:
        if accounts.is_empty(session):
            _, password = accounts.create(session, email, role="admin")
            # Before the commit: an account whose password nobody saw would lock everybody out.
            click.echo(f"The first account, shown this once: {email}  password {password}")


def _ensure_trust(database, store, passphrase):
    given = passphrase or secrets.token_urlsafe(15)
    with database.begin() as session:
        store.vault.check()
        if trust.found(session, store, given) and not passphrase:
            click.echo(f"The passphrase that approves releases, shown this once: {given}")
        trust.renew(session, store)  # also after months without a host
        proposals.note_approved(session, store)  # as after a restore, or by an older host


def _open(path):
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open(path, "a+")


def _free_port(address, port, option):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers will
        try:
            probe.bind((address, port))
            return probe.getsockname()[1]
        except OSError as error:
            text = f"port {port} on {address}: {os.strerror(error.errno)}"
            raise StartError("port-in-use", f"{text}. Choose another with {option}.") from None
