"""Rollouts on a database under random people, boards, clocks and kills of the engine."""

import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from host_samples import make_device
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from host.engine import rolling
from host.errors import HostError
from host.extensions import Database
from host.models import Assignment, Release, Rollout, User
from host.models.assignment import OPEN
from host.services import assignments, devices, presence, reports, rollouts
from tests import exploring

IDS = [f"24a1600000{n:02x}" for n in range(5)]
IN_FLIGHT = 2
ENDS = (("done", None), ("failed", "app-raised"), ("failed", "no-contact"), ("interrupted", None))
boards = st.sampled_from(IDS)


class Killed(BaseException):
    """kill -9: nothing catches it, nothing is tidied up."""


class Rollouts(RuleBasedStateMachine):
    """`place` is where the database of an example is made of the empty one."""

    place = None

    @initialize()
    def begin(self):
        self.now = datetime(2026, 12, 1, tzinfo=UTC)
        file = self.place.folder / "run.sqlite"
        for old in self.place.folder.glob("run.sqlite*"):
            old.unlink()
        shutil.copy(self.place.empty, file)
        self.database = Database(f"sqlite:///{file}")
        self.keys, self.granted, self.judged = iter(range(10**6)), set(), set()
        with self.database.session() as session:
            user = User(email="a@x", role="admin", password_hash="!", created_at=self.now)
            for number in (2, 3):
                session.add(_release(number, user, self.now))
            session.flush()
            for one in IDS:
                make_device(session, user, one, number=1, online=True, registered_at=self.now)

        self.a_rollout_begins(2, 3, 0)

    def session(self):
        return self.database.begin()

    @rule(device=boards, end=st.sampled_from(ENDS), is_seen_to=st.booleans())
    def a_board_takes_it(self, device, end, is_seen_to):
        """From an offer to its end, and the engine sees to it, or not yet."""
        self.the_engine_works(None)
        self.a_board_goes_on(device, "stage")
        self.a_board_reports(device, end, 0)
        if is_seen_to:
            self.the_engine_works(None)

    @rule(number=st.sampled_from((2, 3)), failures=st.integers(1, 3), canary=st.integers(0, 1))
    def a_rollout_begins(self, number, failures, canary):
        plan = {"canary": canary, "waves": [100], "soak_s": 0, "failures": failures,
                "failure_rate": 100, "in_flight": IN_FLIGHT}  # fmt: skip
        with self.session() as session, suppress(HostError):
            user = session.query(User).one()
            release = session.query(Release).filter_by(number=number).one()
            rollouts.create(
                session, rollouts.draft(session, user, release, {}, plan), user, now=self.now
            )

    @rule(action=st.sampled_from(sorted(rollouts.ACTIONS)), newest=st.booleans())
    def a_person_acts(self, action, newest):
        with self.session() as session:
            found = session.query(Rollout).order_by(Rollout.id).all()
            if found:
                rollout, user = found[-1 if newest else 0], session.query(User).one()
                with suppress(HostError):
                    rollouts.act(session, rollout, action, user, now=self.now)
                    if action == "retry":
                        self.granted |= {(one, rollout.release.number) for one in IDS}

    @rule(device=boards, number=st.sampled_from((2, 3)))
    def a_person_assigns(self, device, number):
        with self.session() as session:
            release = session.query(Release).filter_by(number=number).one()
            one = devices.known(session, device)
            if assignments.fits(one, release) and (one.number or 0) < number:
                assignments.assign(session, [one], release, "a@x", now=self.now)
                self.granted.add((device, number))

    @rule(device=boards, step=st.sampled_from(("stage", "seal", "trial")))
    def a_board_goes_on(self, device, step):
        with self.session() as session:
            one = assignments.opened(session, device)
            if one:
                number = one.release.number
                assignments.follow(session, one.device, number, step, now=self.now)

    @rule(device=boards, end=st.sampled_from(ENDS), past=st.integers(0, 2))
    def a_board_reports(self, device, end, past):
        """How its newest assignment ended, or one before that."""
        with self.session() as session:
            found = session.query(Assignment).filter_by(device_id=device)
            found = found.order_by(Assignment.id.desc()).offset(past).limit(1).all()
            for one in found:
                if one.state == "offered":
                    continue  # it knows nothing of it
                running = one.release.number if end[0] == "done" else one.device.number
                said = {"key": f"{next(self.keys):016x}", "kind": "update", "outcome": end[0],
                        "reason": end[1], "assignment": one.id, "running": running}  # fmt: skip
                reports.accept(session, SimpleNamespace(reports_kept=9), one.device, [said],
                               now=self.now)  # fmt: skip

    @rule(device=boards, is_online=st.booleans())
    def a_board_comes_and_goes(self, device, is_online):
        with self.session() as session:
            presence.status(session, device, {"online": is_online}, now=self.now)

    @rule(minutes=st.sampled_from((1, 30, 300, 3000)))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(chunks=st.sampled_from((None, 0, 1, 2, 3)))
    def the_engine_works(self, chunks):
        """A round; killed after so many transactions."""
        engine, left = rolling.Rolling(self.database), iter(range(chunks or 0))
        carry_out = rolling.rolling.carry_out

        def cut(*arguments):
            if chunks is not None and next(left, None) is None:
                raise Killed
            return carry_out(*arguments)

        with pytest.MonkeyPatch.context() as patch, suppress(Killed):
            patch.setattr(rolling, "_CHUNK", 1)
            patch.setattr(rolling.rolling, "carry_out", cut)
            assert engine.work(self.now) or chunks is not None

    @invariant()
    def promises_are_kept(self):
        if not hasattr(self, "database"):
            return
        with self.session() as session:
            for rollout in session.query(Rollout):
                ours = session.query(Assignment).filter_by(rollout_id=rollout.id)
                assert ours.filter(Assignment.state.in_(OPEN)).count() <= IN_FLIGHT
            for device in IDS:
                self._check(session, device)

    def _check(self, session, device):
        found = session.query(Assignment).filter_by(device_id=device).order_by(Assignment.id).all()
        assert sum(one.state in OPEN for one in found) <= 1
        failed = set()
        for one in found:
            number = one.release.number
            # Judged by what was known when it was made: a report on an older one may come later.
            if one.id not in self.judged:
                assert number not in failed or (device, number) in self.granted
                self.judged.add(one.id)
            if one.state in ("failed", "refused") and one.reason == "app-raised":
                failed.add(number)

    def teardown(self):
        if hasattr(self, "database"):
            self.database.close()


def _release(number, user, now):
    return Release(
        product="blink", number=number, version="", description="", boards=["ESP32_GENERIC"],
        abi=6, parts={}, size_bytes=1, state="approved", created_at=now, created_by=user,
        manifest_sha256=f"{number:064}", manifest=b"{}", manifest_size=2,
    )  # fmt: skip


def test_promises_are_kept_whatever_happens(tmp_path, empty_database):
    Rollouts.place = SimpleNamespace(folder=tmp_path, empty=empty_database)
    run_state_machine_as_test(
        Rollouts,
        settings=settings(
            max_examples=exploring.examples(10), stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
