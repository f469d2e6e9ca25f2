"""Patches made ahead, outside of every request: from what runs to what was released last."""

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from host.errors import HostError
from host.models import Release
from host.services import patches

_BUDGET_S = 60  # a round begins no further pair after this: one takes seconds, a minute at worst

_log = logging.getLogger(__name__)


class Patching:
    """Makes what is wanted, a pair of releases at a time; remembers which are done."""

    def __init__(self, database, storage, clock=time.monotonic):
        self._database = database
        self._storage = storage
        self._clock = clock
        self._done = set()  # a ready release never changes

    def work(self, is_told_to_end=lambda: False):
        """One round, bounded in time. What goes wrong is logged, and tried again in the next."""
        end = self._clock() + _BUDGET_S
        try:
            with self._database.look() as session:
                pairs = patches.wanted(session)
            for pair in pairs:
                if self._clock() >= end or is_told_to_end():
                    break
                if pair not in self._done:
                    self._make(*pair)
        except (SQLAlchemyError, HostError, OSError) as error:
            _log.error("patches could not be made: %s", error)

    def tidy(self):
        """Remove patches of blobs that are gone."""
        try:
            with self._database.look() as session:
                patches.tidy(session, self._storage)
        except (SQLAlchemyError, OSError) as error:
            _log.error("patches could not be tidied: %s", error)

    def _make(self, before_id, after_id):
        with self._database.look() as session:
            before, after = (session.get(Release, found) for found in (before_id, after_id))
            if before is not None and after is not None:
                made = patches.prepare(session, self._storage, before, after)
                names = after.product, before.number, after.number
                _log.info("patches of %s from release %d to %d: %s bytes", *names, made)
        self._done.add((before_id, after_id))
