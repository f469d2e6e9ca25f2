"""The examples of docs/APP.md do in MicroPython what the page says of them."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs/APP.md").read_text()
EXAMPLES = re.findall(r"<!-- (\w+)(?:: (\w+))? -->\n```python\n(.*?)```", PAGE, re.DOTALL)

# The application and its board as run.py builds them, without a network to be on.
RUN = """
import asyncio, os, time
os.mkdir(given[0] + "/app")
with open(given[0] + "/app/main.py", "w") as f:
    f.write(given[1])
sys.path.insert(0, given[0])
from rig import Rig
from device.application import Application
from device.application import Board
import device.application
device.application._TIDY_MS = 1000
rig = Rig(1, "")
reports = []
application = Application(rig.log, lambda *fields: reports.append(fields), 60)
board = Board({"pin": 4}, rig.identity, rig.log, rig.link, application, rig.power)
rig.power.before_reset = [application.stop]
async def main():
    task = asyncio.create_task(application.run(board))
    print("before")
    await asyncio.sleep(0.4)
    print("after")
    print("failed", [r[1].split("(")[0] for r in reports])
    print("healthy", await application.is_healthy(), "done", task.done())
    await application.stop("test")
    print("stopped", application._task.done())
    await asyncio.sleep(0.25)  # a thread needs a moment to hear it
asyncio.run(main())
"""
END = """
try:
    asyncio.run(main())
except machine.Ended:
    pass
"""
WORDS = ("before", "after", "failed", "healthy", "stopped", "machine.")


def outcome(on_board, tmp_path, source, ending="import machine\n" + END, **more):
    script = RUN.replace("asyncio.run(main())\n", ending)
    lines = on_board(script, str(tmp_path), source, **more)
    return [line for line in lines if line.startswith(WORDS)]


def examples(kind):
    return [
        pytest.param(word, source, id=str(i))
        for i, (k, word, source) in enumerate(EXAMPLES)
        if k == kind
    ]


def test_every_example_says_what_it_does():
    assert len(EXAMPLES) == PAGE.count("```python")


@pytest.mark.parametrize(("word", "source"), examples("runs"))
def test_an_example_runs_and_ends_when_asked(on_board, tmp_path, word, source):
    assert outcome(on_board, tmp_path, source) == [
        "before",
        "after",
        "failed []",
        "healthy True done False",
        "stopped True",
    ]


@pytest.mark.parametrize(("word", "source"), examples("fails"))
def test_an_example_fails_as_it_says(on_board, tmp_path, word, source):
    assert (
        outcome(on_board, tmp_path, source, options=["-X", "heapsize=800k"])[2]
        == f"failed ['{word}']"
    )


@pytest.mark.parametrize(("word", "source"), examples("returns"))
def test_an_example_returns(on_board, tmp_path, word, source):
    assert outcome(on_board, tmp_path, source)[2:4] == ["failed []", "healthy True done True"]


@pytest.mark.parametrize(("word", "source"), examples("blocks"))
def test_an_example_blocks_the_loop(on_board, tmp_path, word, source):
    # the third sleep ends the test; a loop that goes on would have said "after" by then
    counting = source.replace("time.sleep(1)", "time.sleep(0.3)\n        board.nap()")
    ending = "import machine\nnaps = [0, 0]\nboard.nap = lambda: naps.pop() if naps else end()\n"
    ending += "def end():\n    raise machine.Ended\n"
    assert outcome(on_board, tmp_path, counting, ending + END) == ["before"]


@pytest.mark.parametrize(("word", "source"), examples("sleeps"))
def test_an_example_sleeps(on_board, tmp_path, word, source):
    quick = source.replace("range(20)", "range(1)").replace("sleep_ms(500)", "sleep_ms(50)")
    assert outcome(on_board, tmp_path, quick)[-1] == r"machine.deepsleep 600000 b'MPFR\x01\x00\x00\x00'"
