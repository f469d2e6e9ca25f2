"""When a board talks to its host: waits after each kind of answer, and who may cut them short."""

import pytest

from device.errors import NetworkError

# Waits are recorded instead of waited: ("nap", s) cannot be cut short, ("wait", s) can.
CHECKIN = """
import asyncio
import device.checkin as module
from device.errors import HttpError, NetworkError
waits = []
class Stop(BaseException):
    pass
class Asyncio:
    Event = asyncio.Event
    TimeoutError = asyncio.TimeoutError
    async def sleep(s):
        note("nap", s)
    async def sleep_ms(ms):
        pass
    async def wait_for(aw, s):
        note("wait", s)
def note(kind, s):
    waits.append((kind, s))
    if len(waits) >= limit:
        raise Stop
module.asyncio = Asyncio
class Wifi:
    async def wait(self):
        pass
class Clock:
    is_set = False
    async def sync_ntp(self):
        print("ntp")
class Registration:
    def forget(self):
        print("forget")
class Talk:
    registration = Registration()
    async def run(self, on_known):
        on_known()
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
class Talks:
    def open(self):
        return Talk()
    def close(self):
        pass
class Link:
    is_online = is_paused = False
    def resume(self):
        if self.is_paused:
            print("resume")
    async def pause(self):
        self.is_paused = True
        print("pause")
class Power:
    is_alone = False
    def remember(self, rounds):
        print("remember", rounds)
    async def retreat(self, why):
        print("retreat", why)
class Config:
    poll_s = 3600
module.jittered = lambda s: s
def run(is_known, *given):
    global answers, limit
    answers, limit = list(given), len(given) + (is_known and not Power.is_alone)
    checkin = module.Checkin(
        Wifi(), Clock(), Talks(), Link(), Power(), Config(), lambda *values: None
    )
    try:
        asyncio.run(checkin.run(is_known))
    except Stop:
        pass
    print(waits)
"""


def check(on_board, call):
    return on_board(CHECKIN + call)


def test_jitter_is_a_quarter_to_each_side(on_board):
    script = """
from device.checkin import jittered
d = [jittered(3600) for _ in range(500)]
print(min(d) >= 2700, max(d) <= 4501, len(set(d)) > 50)
"""
    assert on_board(script) == ["True True True"]


def test_the_first_talk_of_a_known_board_waits_for_the_session(on_board):
    assert check(on_board, "run(True, None)")[-1] == "[('wait', 15), ('wait', 3600)]"


def test_a_board_in_update_mode_has_no_session_to_wait_for(on_board):
    script = "Power.is_alone = True\nrun(True, None)"
    assert check(on_board, script)[-1] == "[('wait', 3600)]"


def test_the_host_may_say_how_long_to_wait_for_the_next(on_board):
    assert check(on_board, "run(False, 60)")[-1] == "[('wait', 60)]"


def test_no_wait_is_longer_than_a_32_bit_chip_can_count(on_board):
    assert check(on_board, "run(False, 10**7)")[-1] == "[('wait', 400000)]"


def test_the_session_is_ended_for_a_talk_where_memory_does_not_bear_both(on_board):
    lines = check(on_board, "run(False, None, NetworkError('out-of-memory'), None)")
    waits = "[('wait', 3600), ('wait', 5), ('wait', 3600)]"
    assert lines[lines.index("pause") :] == ["pause", "resume", waits]


SHORTAGES = {
    "the first": ([MemoryError] * 2, []),
    "in a row": ([MemoryError] * 3, ["retreat out of memory"]),
    "with a good talk between": ([MemoryError, MemoryError, None, MemoryError], []),
    "with a host out of reach between": (
        [MemoryError, NetworkError, MemoryError, MemoryError],
        ["retreat out of memory"],
    ),
}


@pytest.mark.parametrize(("talks", "expected"), SHORTAGES.values(), ids=SHORTAGES)
def test_talks_that_run_out_of_memory_in_a_row_lead_to_update_mode(on_board, talks, expected):
    words = {MemoryError: "MemoryError()", NetworkError: "NetworkError('timeout')", None: "None"}
    script = f"""
def talk_after_talk(answers):
    checkin = module.Checkin(
        Wifi(), Clock(), Talks(), Link(), Power(), Config(), lambda *values: None
    )
    for answer in answers:
        globals()["answers"] = [answer]
        globals()["limit"] = 1
        waits.clear()
        try:
            asyncio.run(checkin.run(False))
        except Stop:
            pass
        except MemoryError:  # as run.py does, through supervise()
            asyncio.run(checkin.run_short())
talk_after_talk([{", ".join(words[t] for t in talks)}])
"""
    lines = check(on_board, script)
    assert [line for line in lines if line.startswith(("retreat", "remember"))] == expected


def test_it_gets_another_chance_each_day(on_board):
    script = """
checkin = module.Checkin(Wifi(), Clock(), Talks(), Link(), Power(), Config(), lambda *v: None)
Power.retreat = lambda self, why: module.asyncio.sleep_ms(0)
for _ in range(1440 * 2):
    asyncio.run(checkin.run_short())
"""
    assert check(on_board, script) == ["remember 0"] * 2


def test_no_memory_for_the_connection_counts_once_the_session_has_ended(on_board):
    lines = check(on_board, "run(False, *[NetworkError('out-of-memory')] * 5)")
    assert [line for line in lines if line.startswith("retreat")] == ["retreat out of memory"] * 2


@pytest.mark.parametrize(
    ("answer", "has_talked"),
    (("None", True), ("HttpError('http-401', 401)", True), ("HttpError('http-503', 503)", False),
     ("NetworkError('timeout')", False)),
)  # fmt: skip
def test_a_talk_came_to_its_end_where_the_host_said_something(on_board, answer, has_talked):
    script = f"""
limit, answers = 1, [{answer}]
checkin = module.Checkin(Wifi(), Clock(), Talks(), Link(), Power(), Config(), lambda *v: None)
try:
    asyncio.run(checkin.run(False))
except Stop:
    pass
print(checkin.has_talked)
"""
    assert check(on_board, script)[-1] == str(has_talked)


def test_a_host_out_of_reach_is_tried_later_each_time_and_ntp_asked_for_the_time(on_board):
    lines = check(on_board, "run(False, *[NetworkError('timeout')] * 8)")
    assert lines[-1] == str([("wait", s) for s in (5, 10, 20, 40, 80, 160, 300, 300)])
    assert "ntp" in lines


def test_success_starts_the_waits_over(on_board):
    lines = check(
        on_board, "run(False, NetworkError('cut'), NetworkError('cut'), None, NetworkError('cut'))"
    )
    assert lines[-1] == "[('wait', 5), ('wait', 10), ('wait', 3600), ('wait', 5)]"


@pytest.mark.parametrize(
    ("error", "wait"),
    (
        ("HttpError('http-429', 429, 17)", ("nap", 17)),
        ("HttpError('http-429', 429)", ("nap", 60)),
        ("HttpError('http-409', 409)", ("nap", 3600)),
        ("HttpError('http-410', 410)", ("nap", 86400)),
        ("HttpError('http-503', 503, 999999)", ("nap", 86400)),
        ("HttpError('http-500', 500)", ("wait", 5)),
        ("HttpError('bad-answer', 200)", ("wait", 5)),
        ("HttpError('http-302', 302)", ("wait", 5)),
    ),
)
def test_a_refusal_has_its_wait(on_board, error, wait):
    assert check(on_board, f"run(False, {error})") == [str([wait])]


def test_a_401_makes_it_register_again_but_once_an_hour(on_board):
    lines = check(on_board, "run(False, *[HttpError('http-401', 401)] * 3)")
    assert lines == ["forget", "forget", "forget", "[('nap', 5), ('nap', 3600), ('nap', 3600)]"]


def test_memory_that_bears_one_session_only_is_seen_before_it_fails(on_board):
    script = """
from device.checkin import is_short
print([is_short(blocks, n) for blocks in ([], [4000, 68000], [4000, 30000]) for n in (1, 2)])
"""
    assert on_board(script) == ["[False, False, False, True, True, True]"]
