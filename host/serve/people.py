"""What is done to people and their keys on the host itself, where nobody is signed in."""

import contextlib

from host import settings
from host.errors import HostError
from host.extensions import Database
from host.metadata import keys
from host.services import accounts, signers, trust


def reset_password(data_folder, email):
    """Another password for a person; the host may be running meanwhile.

    Raises: HostError `not-found`: no such person, or no host in this folder.
    """
    with _session(data_folder) as session:
        return accounts.reset_password(session, email)


def export_root(data_folder, path, passphrase, email):
    """Move the root key into a file; from then on its person signs with it, not the host.

    Raises: HostError `no-key`, `wrong-passphrase`, `not-found`, `bad-request`.
    """
    if path.exists():
        raise HostError("bad-request", f"{path} exists: give another name.")
    store = trust.Trust(data_folder)
    with _session(data_folder) as session:
        content = signers.hand_over(session, store, "root", passphrase, email)
        keys.write(path, content)
    store.vault.remove("root")  # last: whatever went wrong before, there is a key


@contextlib.contextmanager
def _session(data_folder):
    if not (data_folder / "secret_key").exists():  # every host made one; loading would, too
        raise HostError("not-found", f"{data_folder} holds no host: say where with --data.")
    database = Database(settings.load(data_folder).url)
    try:
        with database.begin() as session:
            yield session
    finally:
        database.close()
