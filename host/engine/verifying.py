"""A worker of the gate: takes the oldest job, tries the release, keeps the findings."""

import logging
import os
import secrets
import socket
import threading

from sqlalchemy.exc import SQLAlchemyError

from host.errors import HostError
from host.models import Release
from host.services import verifications
from host.verification import candidate, gate

_LOOK_S = 1.0
_BEAT_S = 3.0

_log = logging.getLogger(__name__)


def run(settings, database, storage, stop):
    """Work until the event `stop` is set."""
    owner = f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    while not stop.is_set():
        try:
            release_id = _take(database, owner)
            if release_id is None:
                stop.wait(_LOOK_S)
            else:
                Job(settings, database, storage, owner, release_id, stop).work()
        except (SQLAlchemyError, HostError, OSError) as error:
            _log.error("a release could not be tried: %s", error)
            stop.wait(_LOOK_S)


def _take(database, owner):
    with database.begin() as session:
        job = verifications.take(session, owner, _is_dead)
        return None if job is None else job.release_id


def _is_dead(owner):
    """Whether a worker of this machine is gone: for those of others its signs of life tell."""
    machine, pid, _ = owner.rsplit("-", 2)
    if machine != _machine():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _machine():
    return socket.gethostname()[:32]


class Job:
    """One release being tried; `work` returns when it is over, or is not ours any more."""

    def __init__(self, settings, database, storage, owner, release_id, stop):
        self._settings, self._database, self._storage = settings, database, storage
        self._owner, self._release_id, self._stop = owner, release_id, stop
        self._is_over = threading.Event()
        self._at = (None, 0, "")

    def work(self):
        """Try it; what ends the worker leaves the job to the next one."""
        beats = threading.Thread(target=self._beat, daemon=True)
        beats.start()
        try:
            case = self._case()
            made = gate.run(case, self._tell, self._must_end, [self._settings.data_folder])
        except BaseException:
            self._leave()
            raise
        finally:
            self._is_over.set()
            beats.join()
        if self._stop.is_set():
            self._leave()
            return
        with self._database.begin() as session:
            if verifications.finish(session, self._release_id, self._owner, made):
                release = session.get(Release, self._release_id)
                _log.info("%s %d: %s", release.product, release.number, release.state)

    def _case(self):
        with self._database.look() as session:
            release = session.get(Release, self._release_id)
            _log.info("trying %s %d", release.product, release.number)
            others = [self._as_seen(one) for one in verifications.field(session, release)]
            return candidate.Case(self._as_seen(release), others, self._settings.verification_cuts)

    def _as_seen(self, release):
        return candidate.Release(release.manifest, self._storage.read)

    def _tell(self, check, step, detail):
        self._at = (check, step, detail)
        self._note()

    def _must_end(self):
        return self._stop.is_set() or self._is_over.is_set()

    def _beat(self):
        while not self._is_over.wait(_BEAT_S):
            self._note()

    def _note(self):
        check, step, detail = self._at
        try:
            with self._database.begin() as session:
                beat = session, self._release_id, self._owner, check, step, detail
                if not verifications.beat(*beat):
                    self._is_over.set()  # withdrawn, begun anew, or taken for dead
        except SQLAlchemyError as error:
            _log.warning("no sign of life could be given: %s", error)

    def _leave(self):
        with self._database.begin() as session:
            verifications.leave(session, self._release_id, self._owner)
