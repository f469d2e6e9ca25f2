"""What is done to accounts on the host itself, where nobody needs to be signed in."""

from host import settings
from host.errors import HostError
from host.extensions import Database
from host.services import accounts


def reset_password(data_folder, email):
    """Another password for a person; the host may be running meanwhile.

    Raises: HostError `not-found`: no such person, or no host in this folder.
    """
    if not (data_folder / "secret_key").exists():  # every host made one; loading would, too
        raise HostError("not-found", f"{data_folder} holds no host: say where with --data.")
    database = Database(settings.load(data_folder).url)
    try:
        with database.begin() as session:
            return accounts.reset_password(session, email)
    finally:
        database.close()
