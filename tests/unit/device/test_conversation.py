"""One talk with the host, and when the update client is wanted for it."""

import pytest

TALK = """
import asyncio
from host import Response
from device.conversation import Conversation
from device.errors import DeviceError
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
    trial, number = given[1], given[2]
class Client:
    async def check(self, answer):
        print("client")
        return 7
answer = given[0]
talk = Conversation(Http(), Registration(), Reports(), Record(), Client)
try:
    print(asyncio.run(talk.run(lambda: print("known"))), talk.is_over)
except DeviceError as e:
    print(e.code)
"""
IDLE = {"state": "claimed", "release": None}


def talk(on_board, answer=IDLE, trial="-", number=0):
    return on_board(TALK, answer, trial, number)


def test_a_talk_registers_delivers_asks_and_delivers_again(on_board):
    steps = ["register", "known", "deliver", "get /assignment", "deliver", "None True"]
    assert talk(on_board) == steps


def test_the_host_may_set_the_time_of_the_next(on_board):
    assert talk(on_board, {**IDLE, "poll_s": 60})[-1] == "60 True"


@pytest.mark.parametrize("poll_s", (0, -1, "soon", None))
def test_a_time_that_is_none_is_ignored(on_board, poll_s):
    assert talk(on_board, {**IDLE, "poll_s": poll_s})[-1] == "None True"


@pytest.mark.parametrize(
    ("answer", "trial", "number"),
    (
        ({**IDLE, "release": {"number": 4}}, "-", 0),
        ({**IDLE, "retry_active": True}, "-", 0),
        (IDLE, "b", 0),
        (IDLE, "-", 4),
    ),
    ids=["a release", "retry active", "a trial", "one to report"],
)
def test_the_update_client_is_loaded_where_there_is_work(on_board, answer, trial, number):
    assert "client" in talk(on_board, answer, trial, number)


def test_a_talk_is_not_over_while_a_trial_runs(on_board):
    assert talk(on_board, trial="b")[-1] == "7 False"


@pytest.mark.parametrize("answer", ([], "text", None, 7))
def test_an_answer_that_is_no_object_is_bad(on_board, answer):
    assert talk(on_board, answer)[-1] == "bad-answer"
