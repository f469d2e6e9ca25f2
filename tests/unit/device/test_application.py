"""The application contract of DESIGN section 3: applications that end, raise, hold, go silent."""

import pytest

# given[0] becomes app/main.py; given[1] is the script's second half, run inside the loop.
RUN = """
import asyncio, os
try:
    os.mkdir(given[0] + "/app")
except OSError:
    pass
with open(given[0] + "/app/main.py", "w") as f:
    f.write(given[1])
sys.path.insert(0, given[0])
from device.application import Application
from device.application import Board
from device.log import Log
import device.application as module
module._RESTART_S = (0.05, 0.2)
module._TIDY_MS = 300
reports = []
log = Log()
class Link:
    is_online = True
    def publish(self, name, value):
        print("published", name, value)
        return True
application = Application(log, lambda *fields: reports.append(fields), 60)
board = Board({"pin": 2}, None, log, Link(), application, None)
async def main():
    task = asyncio.create_task(application.run(board))
"""
END = "\nasyncio.run(main())\n"


@pytest.fixture
def run_app(on_board, tmp_path):
    """Run an application's source and, beside it, the lines of `meanwhile`; what was printed."""

    def run(source, meanwhile):
        body = "".join(f"    {line}\n" for line in meanwhile.strip().splitlines())
        return on_board(RUN + body + END, str(tmp_path), source)

    return run


RAISES = """
async def main(board):
    raise ValueError("too hot")
"""


def test_main_gets_the_board(run_app):
    source = """
async def main(board):
    board.log("pin", board.config["pin"], board.online)
    board.publish("room", 21)
"""
    lines = run_app(source, "await task")
    assert lines[0].endswith("app: pin 2 True")
    assert lines[1] == "published data/room 21"


@pytest.mark.parametrize("topic", ("", "a/#", "+/b"))
def test_a_topic_that_no_broker_takes_is_the_callers_mistake(run_app, topic):
    source = f"async def main(board):\n    board.publish({topic!r}, 1)\n"
    lines = run_app(source, "await asyncio.sleep(0.1)\nprint(reports[0][1].split('(')[0])")
    assert lines[-1] == "ValueError"


def test_an_application_that_returns_is_not_started_again(run_app):
    lines = run_app("async def main(board):\n    pass\n", "await task\nprint(len(reports))")
    assert lines[-2].endswith("app: main() returned: it does not start again")
    assert lines[-1] == "0"


def test_one_that_raises_is_reported_with_its_traceback_and_started_again(run_app):
    lines = run_app(
        RAISES,
        """
await asyncio.sleep(0.5)
print(application.failures > 1, reports[0][:2])
print(reports[0][2])
""",
    )
    assert "True ('app-raised', \"ValueError('too hot',), 1 times\")" in lines
    assert [line for line in lines if 'app/main.py", line 3, in main' in line]


def test_a_traceback_that_repeats_is_counted_and_not_reported_each_time(run_app):
    more = """
module._RESTART_S = (0, 0)
while application.failures < 25:
    await asyncio.sleep_ms(1)

"""
    lines = run_app(RAISES, more + "print([r[1] for r in reports])")
    assert lines[-1] == (
        "[\"ValueError('too hot',), 1 times\", \"ValueError('too hot',), 10 times\"]"
    )


def test_the_waits_before_a_restart_grow(run_app):
    lines = run_app(RAISES, "while application.failures < 5:\n    await asyncio.sleep_ms(1)")
    waits = [float(line.split()[-2]) for line in lines if "starts again in" in line]
    assert waits[:4] == [0.05, 0.1, 0.2, 0.2]


@pytest.mark.parametrize(
    ("source", "kind"),
    (
        ("import no_such_module\n", "ImportError"),
        ("async def main(board:\n", "SyntaxError"),
        ("x = 1\n", "AttributeError"),
        ("import sys\nasync def main(board):\n    sys.exit(1)\n", "RuntimeError"),
        (
            "import asyncio\nasync def main(board):\n    raise asyncio.CancelledError\n",
            "CancelledError",
        ),
    ),
    ids=["import", "syntax", "no main", "exit", "cancels itself"],
)
def test_whatever_ends_an_application_badly_is_its_failure(run_app, source, kind):
    lines = run_app(
        source, "await asyncio.sleep(0.2)\nprint(len(reports), reports[0][1].split('(')[0])"
    )
    assert lines[-1] == f"1 {kind}"


def test_running_out_of_memory_has_its_own_word(run_app):
    source = "async def main(board):\n    bytearray(1 << 40)\n"
    assert run_app(source, "await asyncio.sleep(0.2)\nprint(reports[0][0])")[-1] == "out-of-memory"


TIDY = """
import asyncio
async def main(board):
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep_ms({})
        print("heater off")
"""


def test_it_may_tidy_up_before_a_planned_reset(run_app):
    lines = run_app(
        TIDY.format(50),
        "await asyncio.sleep(0.1)\nawait application.stop('update')\nprint('reset')",
    )
    assert lines[-2:] == ["heater off", "reset"]


def test_tidying_up_has_an_end(run_app):
    lines = run_app(
        TIDY.format(5000),
        "await asyncio.sleep(0.1)\nawait application.stop('update')\nprint('reset')",
    )
    assert (lines[-1], "heater off" in lines) == ("reset", False)


def test_hold_delays_a_planned_reset(run_app):
    source = """
import asyncio
async def main(board):
    board.hold(60)
    await asyncio.sleep(0.4)
    print("door closed")
    board.hold(0)
    await asyncio.sleep(60)
"""
    lines = run_app(
        source, "await asyncio.sleep(0.1)\nawait application.stop('update')\nprint('reset')"
    )
    assert [line for line in lines if not line.startswith("mpfleet")] == ["door closed", "reset"]


def test_hold_is_bounded(run_app):
    source = """
import asyncio
async def main(board):
    while True:
        board.hold(60)
        await asyncio.sleep(0.05)
"""
    lines = run_app(
        source,
        """
module._HOLD_S = 0.5
await asyncio.sleep(0.1)
await application.stop('update')
print('reset')
""",
    )
    assert lines[-1] == "reset"


THREAD = """
import time
def work(n):
    for i in range(n):
        board_.alive()
        time.sleep(0.02)
    return n * 2
async def main(board):
    global board_
    board_ = board
    print("result", await board.thread(work, 5))
"""


def test_a_blocking_function_runs_in_a_thread_while_the_loop_goes_on(run_app):
    lines = run_app(
        THREAD,
        "n = 0\nwhile not task.done():\n    await asyncio.sleep_ms(1)\n    n += 1\nprint(n > 20)",
    )
    assert ("result 10" in lines, lines[-1]) == (True, "True")


def test_what_a_thread_raises_is_the_applications_failure(run_app):
    source = THREAD.replace("return n * 2", "raise ValueError(n)")
    lines = run_app(source, "await asyncio.sleep(0.4)\nprint(reports[0][1])")
    assert lines[-1] == "ValueError(5,), 1 times"


SILENT = """
import time
def work():
    time.sleep(1)
async def main(board):
    await board.thread(work)
"""


def test_a_thread_that_says_nothing_for_a_watchdog_period_is_silent(run_app):
    lines = run_app(
        SILENT,
        """
application._silence_ms = 200
await asyncio.sleep(0.1)
print(application.is_silent())
await asyncio.sleep(0.4)
print(application.is_silent())
await task
print(application.is_silent())
""",
    )
    assert [line for line in lines if not line.startswith("mpfleet")] == ["False", "True", "False"]


def test_a_thread_that_says_it_is_alive_is_not_silent(run_app):
    source = THREAD.replace("(work, 5)", "(work, 30)")
    lines = run_app(
        source,
        """
application._silence_ms = 200
was = False
while not task.done():
    was = was or application.is_silent()
    await asyncio.sleep_ms(5)
print(was)
""",
    )
    assert lines[-1] == "False"


def test_a_thread_is_told_when_to_end(run_app):
    source = """
import time
def work():
    while board_.alive():
        time.sleep(0.01)
    print("thread ends")
async def main(board):
    global board_
    board_ = board
    await board.thread(work)
"""
    lines = run_app(
        source,
        "await asyncio.sleep(0.1)\nawait application.stop('update')\nawait asyncio.sleep(0.1)",
    )
    assert lines[-1] == "thread ends"


@pytest.mark.parametrize(
    ("health", "is_healthy"),
    (
        ("", True),
        ("def health():\n    return True\n", True),
        ("def health():\n    pass\n", True),
        ("def health():\n    return False\n", False),
        ("def health():\n    return 1 / 0\n", False),
        ("async def health():\n    return True\n", True),
        ("async def health():\n    return False\n", False),
        ("import asyncio\nasync def health():\n    await asyncio.sleep(60)\n", False),
    ),
    ids=["none", "yes", "says nothing", "no", "raises", "async yes", "async no", "never answers"],
)
def test_health(run_app, health, is_healthy):
    source = "import asyncio\nasync def main(board):\n    await asyncio.sleep(60)\n" + health
    lines = run_app(
        source,
        """
module._HEALTH_MS = 100
print(await application.is_healthy())
await asyncio.sleep(0.05)
print(await application.is_healthy())
""",
    )
    answers = [line for line in lines if line in ("True", "False")]
    assert answers == ["False", str(is_healthy)]  # one that has not started is not healthy


def test_a_restart_imports_the_application_anew(run_app):
    source = """
starts = 0
async def main(board):
    global starts
    starts += 1
    print("start", starts)
    raise ValueError
"""
    lines = run_app(source, "while application.failures < 3:\n    await asyncio.sleep_ms(1)")
    assert [line for line in lines if line.startswith("start")] == ["start 1"] * 3
