"""One talk with the host, and when the update client is wanted for it."""

import pytest

TALK = """
import asyncio
from host import Response
from device.conversation import Conversation, Trust
from device.errors import DeviceError, Untrusted
class Http:
    async def get(self, path):
        print("get", path)
        return Response(answer)
class Registration:
    async def ensure(self):
        print("register")
class Reports:
    async def deliver(self, http):
        print("deliver")
class Record:
    trial, number, mode = given[1], given[2], "active"
class Client:
    async def check(self, answer):
        print("client", (answer.get("release") or {}).get("number"))
class Runtime:
    class store:
        def load(name, default):
            return {"trusted.json": given[3], "journal": given[6]}.get(name) or default
    class clock:
        is_set = given[4] > 0
        def now():
            return given[4]
    class identity:
        pass
    class power:
        is_alone = False
        may_retreat = given[5] is not None  # else there is nowhere to go
        def free_heap():
            return given[5]
        async def retreat(why):
            print("retreat")
class Loaded:
    async def follow(self):
        print("follow")
        if answer["metadata"] == "lies":
            raise Untrusted("bad-signature")
        if answer["metadata"] == "too much":
            raise MemoryError
    async def vouch(self, release, me):
        print("vouch", release["number"])
class Belief(Trust):
    def _load(self, journal):
        return Loaded()
async def move():
    print("move")
answer = given[0]
trust = Belief(Runtime, None)
talk = Conversation(Http(), Registration, Reports(), Record(), Client, trust, move)
try:
    print(asyncio.run(talk.run(lambda: print("known"))), talk.is_over)
except DeviceError as e:
    print(e.code)
except MemoryError:
    print("died")
"""
IDLE = {"state": "claimed", "release": None}


TRUSTED = {"versions": {"timestamp": 7}, "until": 1000}


def talk(on_board, answer=IDLE, trial="-", number=0, trusted=TRUSTED, now=999, free=None, journal=None):
    """`free` bytes of heap, None where there is no update mode to go to."""
    return on_board(TALK, answer, trial, number, trusted, now, free, journal)


def test_a_talk_registers_delivers_asks_and_delivers_again(on_board):
    steps = ["move", "register", "known", "deliver", "get /assignment", "deliver", "None True"]
    assert talk(on_board) == steps


def test_the_host_may_set_the_time_of_the_next(on_board):
    assert talk(on_board, {**IDLE, "poll_s": 60})[-1] == "60 True"


@pytest.mark.parametrize("poll_s", (0, -1, "soon", None))
def test_a_time_that_is_none_is_ignored(on_board, poll_s):
    assert talk(on_board, {**IDLE, "poll_s": poll_s})[-1] == "None True"


@pytest.mark.parametrize(
    ("answer", "trial", "number"),
    (
        ({**IDLE, "retry_active": True}, "-", 0),
        (IDLE, "b", 0),
        (IDLE, "-", 4),
    ),
    ids=["retry active", "a trial", "one to report"],
)
def test_the_update_client_is_loaded_where_there_is_work(on_board, answer, trial, number):
    assert "client None" in talk(on_board, answer, trial, number)


RELEASE = {**IDLE, "release": {"assignment": 9, "number": 4, "manifest": "ab", "size": 7}}


def test_it_is_told_of_a_release_once_that_was_vouched_for(on_board):
    assert talk(on_board, RELEASE)[-4:-2] == ["vouch 4", "client 4"]


def test_the_end_of_an_update_is_settled_before_the_next_is_vouched_for(on_board):
    steps = ["client None", "vouch 4", "client 4"]
    assert talk(on_board, RELEASE, number=3)[-5:-2] == steps


@pytest.mark.parametrize(
    ("metadata", "now", "is_behind"),
    ((7, 999, False), (None, 2000, False), (8, 999, True), (6, 999, True), (7, 1000, True)),
    ids=["the same", "none told", "newer", "older", "what is held expired"],
)
def test_the_metadata_are_refreshed_where_the_host_has_others(on_board, metadata, now, is_behind):
    told = {} if metadata is None else {"metadata": metadata}
    assert ("follow" in talk(on_board, {**IDLE, **told}, now=now)) == is_behind


def test_a_board_that_trusts_nothing_yet_refreshes(on_board):
    assert "follow" in talk(on_board, {**IDLE, "metadata": 7}, trusted={})


def test_doubt_is_reported_in_the_same_talk(on_board):
    steps = ["get /assignment", "follow", "deliver", "bad-signature"]
    assert talk(on_board, {**IDLE, "metadata": "lies"})[-4:] == steps


def test_what_the_heap_does_not_bear_goes_on_in_update_mode(on_board):
    assert talk(on_board, {**IDLE, "metadata": "too much"})[-2:] == ["retreat", "died"]


STAGING = {"assignment": 9, "number": 4, "manifest": "ab", "size": 7, "step": "stage"}


@pytest.mark.parametrize(
    ("metadata", "now", "journal", "is_asked"),
    (
        (7, 999, STAGING, False),
        (7, 999, {**STAGING, "step": "plan"}, True),
        (7, 999, {**STAGING, "manifest": "cd"}, True),
        (8, 999, STAGING, True),
        (7, 1000, STAGING, True),
        (7, 0, STAGING, True),
    ),
    ids=["same", "not planned", "another", "newer metadata", "expired", "no clock"],
)
def test_a_release_on_its_way_is_vouched_for_once(on_board, metadata, now, journal, is_asked):
    lines = talk(on_board, {**RELEASE, "metadata": metadata}, now=now, journal=journal)
    assert ("vouch 4" in lines, "client 4" in lines) == (is_asked, True)


def test_a_host_that_tells_of_no_metadata_is_asked_again(on_board):
    assert "vouch 4" in talk(on_board, RELEASE, journal=STAGING)


@pytest.mark.parametrize(
    ("free", "is_left"), ((40_959, True), (40_960, False), (None, False)), ids=str
)
def test_an_update_that_will_not_fit_is_not_begun_beside_the_application(on_board, free, is_left):
    assert ("retreat" in talk(on_board, RELEASE, free=free)) == is_left


def test_a_talk_is_not_over_while_a_trial_runs(on_board):
    assert talk(on_board, trial="b")[-1] == "None False"


@pytest.mark.parametrize("answer", ([], "text", None, 7))
def test_an_answer_that_is_no_object_is_bad(on_board, answer):
    assert talk(on_board, answer)[-1] == "bad-answer"
