"""How long the engine takes for a round over a large rollout, on SQLite.

    python -m tests.bench.rollout [DEVICES]
"""

import sys
import tempfile
import time
from datetime import UTC, datetime

from sqlalchemy import event, insert, select, update

from host import migrations, settings
from host.engine.rolling import Rolling
from host.extensions import Database
from host.models import Assignment, Device, Release, Rollout, RolloutDevice, User
from host.rollouts import plan
from host.rollouts.decide import decide
from host.services import members

_IN_FLIGHT = 1000
_ROUNDS = 5


def main(count=10_000):
    """Print a table of what each kind of round takes."""
    with tempfile.TemporaryDirectory() as folder:
        made = settings.load(folder)
        migrations.upgrade(made)
        database = Database(made.url)
        _fill(database, count)
        rolling, held = Rolling(database), _Held(database.engine)
        print(f"{count:,} devices, {_IN_FLIGHT:,} in flight, SQLite; seconds")
        print(f"  {'a round that offers to all in flight':44} {_round(rolling):6.2f}")
        print(f"    {'longest transaction in it':42} {held.longest_s:6.2f}")
        idle = min(_round(rolling) for _ in range(_ROUNDS))
        print(f"  {'a round in which nothing is to be done':44} {idle:6.2f}")
        print(f"    {'decide alone':42} {_decide(database):6.2f}")
        with database.begin() as session:
            session.execute(update(Assignment).values(state="done"))
        print(f"  {'a round that goes on to the next thousand':44} {_round(rolling):6.2f}")
        database.close()


class _Held:
    """How long the longest transaction held the database against other writers."""

    def __init__(self, engine):
        self.longest_s = self._since = 0
        event.listen(engine, "before_cursor_execute", self._began)
        event.listen(engine, "commit", self._ended)

    def _began(self, _connection, _cursor, statement, *_):
        if not self._since and not statement.startswith("SELECT"):
            self._since = time.monotonic()

    def _ended(self, _connection):
        if self._since:
            self.longest_s = max(self.longest_s, time.monotonic() - self._since)
        self._since = 0


def _fill(database, count):
    now = datetime.now(UTC)
    with database.begin() as session:
        user = User(email="a@x", password_hash="!", role="admin", created_at=now)
        release = Release(
            product="blink", number=2, version="2", description="", boards=["ESP32_GENERIC"],
            abi=6, parts={}, size_bytes=1, state="approved", created_at=now, created_by=user,
            manifest_sha256="0" * 64, manifest=b"{}", manifest_size=2,
        )  # fmt: skip
        value = {"canary": 0, "waves": [100], "in_flight": _IN_FLIGHT, "failures": count}
        rollout = Rollout(
            release=release, target={}, plan=plan.describe(plan.parse(value)), state="running",
            created_at=now, ends_at=now.replace(year=now.year + 1), created_by=user,
        )  # fmt: skip
        session.add_all([user, release, rollout])
        session.flush()
        ids = [f"24a1{n:08x}" for n in range(count)]
        board = {"secret_digest": "0" * 64, "state": "claimed", "product": "blink", "number": 1,
                 "model": "ESP32_GENERIC", "registered_at": now, "online": True,
                 "owner_id": user.id}  # fmt: skip
        session.execute(insert(Device), [{"id": one, **board} for one in ids])
        place = {"rollout_id": rollout.id, "wave": 0}
        session.execute(insert(RolloutDevice), [{"device_id": one, **place} for one in ids])


def _round(rolling):
    began = time.monotonic()
    rolling.work(datetime.now(UTC))
    return time.monotonic() - began


def _decide(database):
    now = datetime.now(UTC)
    with database.begin() as session:
        where, found = members.look(session, session.scalars(select(Rollout)).one(), now)
    began = time.monotonic()
    decide(where, found, now)
    return time.monotonic() - began


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
