"""Random fleets, reports, clocks and crashes against what a rollout must never do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from host.rollouts import waves
from host.rollouts.decide import (
    Advance,
    Finish,
    Forgive,
    Lose,
    Offer,
    Pause,
    Reach,
    Standing,
    TakeBack,
    decide,
)
from host.rollouts.member import Row, standing
from host.rollouts.plan import parse
from tests import exploring

START = datetime(2026, 12, 1, tzinfo=UTC)
NUMBER = 4
OPEN = ("offered", "started")
OVER = ("finished", "aborted")
SPARED_MOST = 3

plans = st.fixed_dictionaries(
    {
        "canary": st.sampled_from((0, 1, 4)),
        "waves": st.sampled_from(([100], [50, 50], [10, 30, 60])),
        "success": st.sampled_from((1, 50, 90, 100)),
        "soak_s": st.sampled_from((0, 600)),
        "failures": st.integers(1, 4),
        "failure_rate": st.sampled_from((50, 100, 100)),
        "in_flight": st.integers(1, 4),
        "silent_s": st.sampled_from((600, 7200)),
        "window": st.sampled_from((None, {"from": "22:00", "to": "04:00"})),
        "days": st.integers(1, 3),
    }
)
ENDINGS = (
    ("done", None), ("failed", "app-raised"), ("refused", "no-space"), ("failed", "no-contact"),
)  # fmt: skip


class Rollouts(RuleBasedStateMachine):
    """A host and its boards as plain dictionaries; only `decide` is the real one."""

    @initialize(plan=plans, count=st.integers(1, 12))
    def begin(self, plan, count):
        self.now = START
        parsed = parse(plan)
        ids = [f"d{n}" for n in range(count)]
        split = waves.split(ids, "blink/4", parsed)
        ends_at = START + timedelta(days=parsed.days)
        self.standing = Standing(parsed, "running", 0, None, None, ends_at)
        self.boards = {
            one: {"wave": n, "state": None, "reason": None, "asked": False, "since": None,
                  "offered": None, "runs": 3, "online": True, "seen": START, "bad": 0}
            for n, wave in enumerate(split) for one in wave
        }  # fmt: skip

    # What boards do

    boards_at = st.integers(0, 11)

    def board(self, n):
        names = sorted(self.boards)
        return self.boards[names[n % len(names)]]

    @rule(n=boards_at)
    def leaves(self, n):
        self.board(n)["online"] = False

    @rule(n=boards_at)
    def comes_back(self, n):
        self.hear(self.board(n))["online"] = True

    @rule(n=boards_at)
    def asks(self, n):
        self.ask(self.board(n))

    @rule(n=boards_at)
    def begins(self, n):
        board = self.board(n)
        if board["state"] == "offered" and board["asked"]:
            self.hear(board).update(state="started", since=self.now)

    @rule(n=boards_at, ending=st.sampled_from(ENDINGS), is_late=st.booleans())
    def reports(self, n, ending, is_late):
        board = self.board(n)
        if board["state"] == "started" or (is_late and board["state"] in ("lost", "superseded")):
            self.end(board, *ending)

    @rule(first=boards_at, count=st.integers(1, 4), ending=st.sampled_from(ENDINGS))
    def some_take_it(self, first, count, ending):
        self.tick()
        for n in range(count):
            board = self.board(first + n)
            if board["state"] == "offered":
                self.ask(board)
                self.end(board, *ending)

    def hear(self, board):
        board["seen"] = self.now
        return board

    def ask(self, board):
        self.hear(board)
        if board["state"] == "offered":
            board["asked"] = True

    def end(self, board, state, reason):
        is_bad_luck = reason == "no-contact"
        board["bad"] += is_bad_luck
        if is_bad_luck and board["bad"] < SPARED_MOST:
            state = "offered" if board["state"] in OPEN else "superseded"
            reason = "interrupted"
        self.hear(board).update(state=state, reason=reason, since=self.now)
        if state == "done":
            board["runs"] = NUMBER

    # What time and people do

    @rule(minutes=st.sampled_from((1, 15, 200, 2000)))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(cut=st.none() | st.integers(0, 4))
    def ticks(self, cut):
        """A round; where `cut` says so the process is killed after so many decisions."""
        self.tick(cut)

    @precondition(lambda self: self.standing.state == "running")
    @rule()
    def a_person_pauses(self):
        self.standing = replace(self.standing, state="paused")

    @precondition(lambda self: self.standing.state == "paused")
    @rule()
    def a_person_resumes(self):
        self.standing = replace(self.standing, state="running", judged_from=self.now)

    @precondition(lambda self: self.standing.state == "running")
    @rule()
    def a_person_promotes(self):
        wave = min(self.standing.wave + 1, self.standing.plan.wave_count - 1)
        self.standing = replace(self.standing, wave=wave, reached_at=None)

    @rule(n=boards_at)
    def a_person_retries(self, n):
        board = self.board(n)
        if board["state"] in ("failed", "refused", "lost"):
            board.update(state=None, reason=None, asked=False)

    # The host

    def members(self):
        return [
            standing(
                Row(name, b["wave"], False, b["state"], b["reason"], b["asked"], b["since"],
                    b["offered"], True, b["runs"], b["online"], b["seen"], None, False, None,
                    False, b["bad"]),
                NUMBER,
            )
            for name, b in self.boards.items()
        ]  # fmt: skip

    def tick(self, cut=None):
        decisions = decide(self.standing, self.members(), self.now)
        offered = [one for one in decisions if isinstance(one, Offer)]
        assert not offered or len(self.failures()) < self.standing.plan.failures
        for one in decisions[:cut]:
            self.carry_out(one)

    def failures(self):
        since = self.standing.judged_from or START - timedelta(days=1)
        return [
            b for b in self.boards.values()
            if b["state"] in ("failed", "refused", "lost") and b["reason"] != "no-contact"
            and b["since"] > since and not self.is_back(b)
        ]  # fmt: skip

    def is_back(self, board):
        is_heard = board["reason"] == "silent" and board["seen"] > board["since"]
        return board["state"] == "lost" and is_heard and board["bad"] < SPARED_MOST - 1

    def carry_out(self, decision):
        if hasattr(decision, "device"):
            self.tell(self.boards[decision.device], decision)
        else:
            self.move(decision)

    def tell(self, board, decision):
        match decision:
            case Offer():
                assert self.standing.state == "running"
                assert board["state"] in (None, "superseded")  # never two, never after a failure
                assert board["wave"] <= self.standing.wave
                board.update(state="offered", reason=None, asked=False, offered=self.now)
            case TakeBack(_, why):
                assert board["state"] == "offered"
                board.update(state="superseded", reason=why)
            case Lose(_, why):
                assert board["state"] in OPEN
                board.update(state="lost", reason=why)
            case Forgive():
                assert (board["state"], board["bad"] < SPARED_MOST - 1) == ("lost", True)
                board.update(state="superseded", reason="interrupted", bad=board["bad"] + 1)
        board["since"] = self.now

    def move(self, decision):
        match decision:
            case Reach():
                self.standing = replace(self.standing, reached_at=self.now)
            case Advance(wave):
                assert wave == self.standing.wave + 1
                self.standing = replace(self.standing, wave=wave, reached_at=None)
            case Pause():
                self.standing = replace(self.standing, state="paused")
            case Finish():
                assert not any(b["state"] == "started" for b in self.boards.values())
                self.standing = replace(self.standing, state="finished")

    @invariant()
    def no_more_are_in_flight_than_may_be(self):
        if hasattr(self, "boards"):
            open_ = [b for b in self.boards.values() if b["state"] in OPEN]
            assert len(open_) <= self.standing.plan.in_flight

    def teardown(self):
        """Left alone it comes to an end, or to a person."""
        if not hasattr(self, "boards"):
            return
        for _ in range(4 * 24):
            self.tick()
            if self.standing.state != "running":
                return
            for n, board in enumerate(self.boards.values()):
                if board["online"]:
                    self.ask(board)
                    if board["state"] == "offered" and n % 5:
                        board.update(state="started", since=self.now)
                    elif board["state"] == "started":
                        self.end(board, *ENDINGS[0 if n % 3 else n % len(ENDINGS)])
            self.now += timedelta(hours=1)
        raise AssertionError("it never ends")


Rollouts.TestCase.settings = settings(max_examples=exploring.examples(200), stateful_step_count=50)
test_a_rollout_keeps_its_promises_whatever_happens = Rollouts.TestCase
