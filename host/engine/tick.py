"""What the host does on its own as time passes: renews, makes patches, moves rollouts on."""

import datetime as dt
import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from host import pki
from host.engine.patching import Patching
from host.engine.rolling import Rolling
from host.errors import HostError
from host.extensions import Database
from host.services import trust
from host.storage import Storage

_TICK_S = 3600
_LOOK_S = 5  # for releases that became ready: a patch should be there before a board asks for it

_log = logging.getLogger(__name__)


def run(settings, stop):
    """Tick until the event `stop` is set."""
    database = Database(settings.url)
    store = trust.Trust(settings.data_folder)
    patching = Patching(database, Storage(settings.blob_folder))
    # Beside the rest: to make a patch takes a minute, for which no rollout should stand still.
    rolling = threading.Thread(target=Rolling(database).run, args=(stop,))
    rolling.start()
    try:
        while not stop.is_set():
            tick(settings, dt.datetime.now(dt.UTC))
            sign(database, store, dt.datetime.now(dt.UTC))
            patching.tidy()
            for _ in range(_TICK_S // _LOOK_S):
                patching.work(stop.is_set)
                if stop.wait(_LOOK_S):
                    break
    finally:
        stop.set()
        rolling.join()
        database.close()


def tick(settings, now):
    """One round. The other processes see a new certificate by its file."""
    try:
        if pki.ensure_for(settings, now):
            _log.info("renewed the server certificate")
    except (pki.PkiError, OSError) as error:
        _log.error("the server certificate could not be renewed: %s", error)


def sign(database, store, now):
    """Sign the online metadata anew where half its life is over; say what people should sign."""
    try:
        with database.begin() as session:
            if trust.renew(session, store, now=now):
                _log.info("signed snapshot and timestamp anew")
            for alarm in trust.alarms(session, store, now=now):
                _log.warning("%s", alarm)
    except (HostError, SQLAlchemyError, OSError) as error:
        _log.error("the metadata could not be signed: %s", error)
