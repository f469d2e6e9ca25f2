"""Rollouts go on by themselves: each is looked at, decided on, and moved in short transactions."""

import logging
import time
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from host.models import Rollout
from host.rollouts import decide
from host.services import members, rolling

_CHUNK = 100  # decisions in one transaction: others wait for a few hundredths of a second
_WAIT_S = (0.5, 30)  # between rounds: the least, and the most
_SHARE = 10  # a round that took long is followed by so many times its length of rest

_log = logging.getLogger(__name__)


class Rolling:
    """Looks after the rollouts of one database. Whatever cuts it off, the next round goes on."""

    def __init__(self, database):
        self._database = database

    def run(self, stop):
        """Round after round until the event `stop` is set."""
        least, most = _WAIT_S
        wait_s = 0
        while not stop.wait(wait_s):
            began = time.monotonic()
            is_well = self.work(datetime.now(UTC))
            took_s = time.monotonic() - began
            wait_s = min(max(_SHARE * took_s, least), most) if is_well else most

    def work(self, now):
        """One round over all rollouts; whether it went well. What fails is logged."""
        try:
            with self._database.look() as session:
                ids = rolling.due(session)
        except SQLAlchemyError as error:
            _log.error("rollouts could not be looked after: %s", error)
            return False
        failed = [one for one in ids if not self._try(one, now)]  # which stops no other
        return not failed

    def _try(self, rollout_id, now):
        try:
            self._move(rollout_id, now)
        except Exception:
            _log.exception("rollout %d could not be looked after", rollout_id)
            return False
        return True

    def _move(self, rollout_id, now):
        with self._database.look() as session:
            rollout = session.get(Rollout, rollout_id)
            revision = rollout.revision
            where, found = members.look(session, rollout, now)
        decisions = decide.decide(where, found, now)
        for start in range(0, len(decisions), _CHUNK):
            with self._database.begin() as session:
                chunk = decisions[start : start + _CHUNK]
                revision = rolling.carry_out(session, rollout_id, revision, chunk, now)
            if revision is None:  # a person changed it: what was decided is of another rollout
                return
