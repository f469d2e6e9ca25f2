"""The bridge's side of the database: plain calls that block, made from a thread."""

import logging

from sqlalchemy.exc import OperationalError

from host.services import devices, outbox, presence, trust

_TAKERS = {"status": presence.status, "progress": presence.progress}
_OUTBOX_ROWS = 100  # sent before the database is asked again

_log = logging.getLogger(__name__)


class Ledger:
    """What devices said goes in, what the host has to tell them comes out."""

    def __init__(self, database, store=None):
        self._database = database
        self._store = store  # of the signed metadata; None: nobody asks what boards trust of it

    def begin(self):
        """Forget who was online; the broker's retained messages say it anew."""
        with self._database.begin() as session:
            presence.everyone_offline(session)

    def hear(self, messages):
        """Store (device id, kind, value) messages in one transaction.

        A message that no service can take is dropped alone, for a retained one would come again
        and again. Raises: OperationalError when the database is not to be had.
        """
        try:
            self._write(messages)
        except OperationalError:
            raise
        except Exception:
            if len(messages) > 1:
                for message in messages:
                    self.hear([message])
            else:
                _log.exception("dropped %r", messages[0])

    def waiting(self):
        """(row id, device id, what) to send, oldest first."""
        with self._database.look() as session:
            rows = outbox.take(session, _OUTBOX_ROWS)
            return [(row.id, row.device_id, row.what) for row in rows]

    def sent(self, ids):
        """These rows were sent."""
        with self._database.begin() as session:
            outbox.done(session, ids)

    def _write(self, messages):
        with self._database.begin() as session:
            for device_id, kind, value in messages:
                _TAKERS[kind](session, device_id, value)
                if self._store and "metadata" in value:
                    device = devices.known(session, device_id)
                    trust.note_seen(session, self._store, device, value["metadata"])
