"""A release on trial, on the rig: kept, or undone with its word."""

import pytest

TRIAL = """
from device.errors import NetworkError

rig.install("a", 4, FILES)
board.nvs.set_number("number", 4)
NEW = dict(FILES)
NEW["app/main.mpy"] = mpy(9, 1200)
host.offer(17, *rig.make_release(5, NEW))


def ends():
    keys = ("outcome", "reason", "number", "assignment", "step")
    return [[r.get(k) for k in keys] for r in board.reports.queue]


def record(*names):
    board.record.load()
    return [getattr(board.record, name) for name in names]


real_get = host.get
away = []  # modes in which the host cannot be reached


async def get(path, *args):
    if board.record.mode in away:
        raise NetworkError("no-route")
    return await real_get(path, *args)


host.get = get
board_live = board.live


async def live():
    try:
        await board_live()
    except NetworkError:
        if board.record.mode == "trial":
            await board.client.trial(board.apps.get(5) or rig.Application(), board.wifi)


board.live = live
"""


def test_a_release_that_works_is_committed_by_itself(on_rig):
    script = (
        TRIAL
        + """
say(board.run())
say(board.boots)
say(ends())
say(record("active", "trial", "committing", "crashes", "reason", "number"))
say(board.nvs.number("number"))
say(sorted(board.reports.queue[0]["heap"]))
say(board.reports.running)
"""
    )
    starts, boots, ended, record, number, heap, running = on_rig(script)
    assert (starts, boots) == (2, [["a", "active"], ["b", "trial"]])
    assert ended == [["done", None, 5, 17, "commit"]]
    assert record == ["b", "-", 0, 0, "", 0]
    assert (number, heap, running) == (5, ["free", "peak_used"], 5)


SAYS_NO = {
    "raises": ("rig.Application('Traceback: boom')", "app-raised", "Traceback: boom"),
    "is not well": ("rig.Application(health=False)", "unhealthy", None),
}


@pytest.mark.parametrize(("app", "word", "traceback"), SAYS_NO.values(), ids=SAYS_NO)
def test_a_release_that_says_no_goes_back_at_once_and_the_old_one_tells(
    on_rig, app, word, traceback
):
    script = (
        TRIAL
        + f"board.apps[5] = {app}"
        + """
board.config.trial_s = 0
say(board.run())
say(board.boots)
say(ends())
report = board.reports.queue[0]
say(report.get("traceback"))
say([line for line in report["log"] if "goes back" in line])
say(record("active", "trial", "reason", "number"))
say(sorted(os.listdir("/state")))
"""
    )
    starts, boots, ended, text, lines, record, state = on_rig(script)
    assert boots == [["a", "active"], ["b", "trial"], ["a", "active"]]
    assert (starts, ended) == (3, [["failed", word, 5, 17, "trial"]])
    assert (text, lines) == (traceback, [f"trial: goes back: {word}"])
    assert record == ["a", "-", "", 0]
    assert state == ["boot0", "boot1", "journal"]


def test_a_failed_release_is_not_tried_again_until_it_is_assigned_anew(on_rig):
    script = (
        TRIAL
        + """
board.apps[5] = rig.Application("boom")
board.run()
board.run()
say(len(board.boots))
host.offer(18, *rig.make_release(5, NEW))
board.apps[5] = rig.Application()
board.run()
say(ends())
"""
    )
    boots, ended = on_rig(script)
    assert boots == 4  # three for the failed update, one that found nothing to do
    assert [e[0] for e in ended] == ["failed", "done"]


def test_a_health_that_raises_is_unhealthy(on_rig):
    script = (
        TRIAL
        + """
class Raises(rig.Application):
    async def is_healthy(self):
        self.failure = "from health()"
        return False


board.apps[5] = Raises()
board.run()
say(ends())
say(board.reports.queue[0]["traceback"])
"""
    )
    assert on_rig(script) == [[["failed", "unhealthy", 5, 17, "trial"]], "from health()"]


def test_no_contact_that_the_old_release_has_at_once_is_lost_contact(on_rig):
    script = (
        TRIAL
        + """
away.append("trial")
board.config.contact_s = 0
board.run()
say(ends())
say(board.journal["closed"])
"""
    )
    assert on_rig(script) == [[["failed", "lost-contact", 5, 17, "trial"]], 17]


def test_no_contact_on_either_side_is_not_held_against_it_three_times(on_rig):
    script = (
        TRIAL
        + """
away.append("trial")
board.config.contact_s = 0
board.config.trial_s = -1  # the old release has contact, but late
board.run(20)
say(ends())
say(board.journal["closed"])
say(len(board.boots))
"""
    )
    ended, closed, boots = on_rig(script)
    assert ended == [["failed", "no-contact", 5, 17, "trial"]] * 3
    assert (closed, boots) == (17, 7)


def test_the_old_release_says_nothing_before_it_has_contact(on_rig):
    script = (
        TRIAL
        + """
away.append("trial")
board.config.contact_s = 0
board.boot()
away.append("active")
board.boot()
board.boot()
say(ends())
away.clear()
board.run()
say(ends()[0][:2])
"""
    )
    assert on_rig(script) == [[], ["failed", "lost-contact"]]


def test_a_trial_that_never_starts_is_start_failed_with_its_traceback(on_rig):
    script = (
        TRIAL
        + """
board.boot()
for _ in range(2):
    say(board.choose()[0])
    board.machine.cause = rig.HARD
    rig.put("/state/traceback", b"ImportError: no module")
board.run()
say(ends())
say(board.reports.queue[0]["traceback"])
"""
    )
    first, second, ended, traceback = on_rig(script)
    assert (first, second) == ("/slots/b", "/slots/b")
    assert ended == [["failed", "start-failed", 5, 17, "trial"]]
    assert traceback == "ImportError: no module"


def test_a_trial_that_blocks_is_ended_by_the_watchdog(on_rig):
    script = (
        TRIAL
        + """
board.boot()
for _ in range(2):
    board.choose()
    board.machine.cause, board.machine.remembered = rig.WATCHDOG, b"MPFR\\0"
board.run()
say(ends())
"""
    )
    assert on_rig(script) == [[["failed", "watchdog", 5, 17, "trial"]]]


def test_a_traceback_of_an_earlier_start_is_not_taken_for_the_trials(on_rig):
    script = (
        TRIAL
        + """
rig.put("/state/traceback", b"old")
board.boot()
for _ in range(2):
    board.choose()
    board.machine.cause = rig.HARD
board.run()
say(ends()[0][1])
"""
    )
    assert on_rig(script) == ["not-committed"]


def test_power_cuts_in_the_trial_are_interrupted_and_offered_again(on_rig):
    script = (
        TRIAL
        + """
board.boot()
board.machine.cause = rig.POWER_ON
while board.choose()[0] == "/slots/b":
    pass
board.run()
say(ends())
say(record("active", "trial"))
"""
    )
    ended, record = on_rig(script)
    assert ended == [
        ["interrupted", "interrupted", 5, 17, "trial"],
        ["done", None, 5, 17, "commit"],
    ]
    assert record == ["b", "-"]


@pytest.mark.parametrize("after", ("committing", "number", "nothing"))
def test_a_commit_that_was_cut_is_finished_first(on_rig, after):
    script = (
        TRIAL
        + f"after = {after!r}"
        + """
board.boot()
path = board.choose()
board.build(path)
board.record.change(committing=1)
if after == "number":
    board.nvs.set_number("number", 5)
if after == "nothing":
    board.client.resume_commit()
again = rig.Board(host, root, board.machine)
away.append("trial")
again.build(again.choose())
again.client.resume_commit()
again.record.load()
say([again.record.active, again.record.trial, again.record.committing, again.record.mode])
say(again.nvs.number("number"))
"""
    )
    assert on_rig(script) == [["b", "-", 0, "active"], 5]


def test_committing_elsewhere_than_on_the_trial_is_left_alone(on_rig):
    script = (
        TRIAL
        + """
board.boot()
board.choose()
board.build(["/slots/a"])
board.record.change(committing=1)
board.client.resume_commit()
say(record("active", "trial", "committing"))
"""
    )
    assert on_rig(script) == [["a", "b", 1]]


def test_a_report_of_success_lost_to_a_cut_is_made_up_for_by_the_new_release(on_rig):
    script = (
        TRIAL
        + """
from device.update.trial import Trial

report = Trial._report_done


def cut(self):
    raise rig.Reset("cut")


Trial._report_done = cut
board.boot()
board.boot()
say(ends())
Trial._report_done = report
again = rig.Board(host, root, board.machine)
board = again
again.run()
say(ends())
"""
    )
    assert on_rig(script) == [[], [["done", None, 5, 17, "commit"]]]


def test_golden_does_not_say_done_for_another(on_rig):
    script = (
        TRIAL
        + """
from device.update.trial import Trial

Trial._report_done = lambda self: say("done")
board.boot()
board.build(board.choose())
board.record.change(committing=1)
Trial._report_done = lambda self: None
board.client.resume_commit()
Trial._report_done = lambda self: say("done")
board.build([])
asyncio.run(board.ask())
say(record("number"))
"""
    )
    assert on_rig(script) == [[5]]


def test_a_trial_that_soft_resets_again_and_again_runs_out_of_starts(on_rig):
    script = (
        TRIAL
        + """
board.boot()
path = board.choose()


async def start():
    board.build(path)
    await board.client.trial(rig.Application(), board.wifi, True)


def soft():
    board.config.contact_s = 0
    try:
        asyncio.run(start())
    except rig.Reset as e:
        return e.args[0]
    finally:
        asyncio.new_event_loop()


say(board.record.starts)
board.record.load()
say(record("starts"))
say(soft())
board.build(path)
from device.update.trial import on_trial
board.record.change(**on_trial("b", board.record.firmware, 5))
board.record.change(starts=0)
say(soft())
say(record("trial", "reason"))
"""
    )
    _, _, back, out, record = on_rig(script)
    assert (back, out, record) == (
        "back: no-contact",
        "back: not-committed",
        ["-", "not-committed"],
    )


def test_a_trial_on_firmware_that_went_back_is_activated_again_and_then_given_up(on_rig):
    script = (
        TRIAL
        + """
board.boot()
board.record.change(expected=(b"ota_1", b"n" * 16))
words = []
for _ in range(5):
    words.append(board.boot())
    board.record.load()
say(words)
say(ends())
say(board.boots[1:])
"""
    )
    words, ended, boots = on_rig(script)
    assert words == ["trial again"] * 3 + [None] * 2
    assert ended == [["failed", "firmware-reverted", 5, 17, "trial"]]
    assert boots == [["a", "active"]] * 5


def test_golden_takes_a_release_and_leaves_the_crashes_behind(on_rig):
    script = (
        TRIAL
        + """
from device.update.record import BootRecord

BootRecord("/state", []).change(crashes=5)
board.machine.cause = rig.HARD
board.run()
say(board.boots)
say(ends())
say(record("active", "crashes"))
"""
    )
    boots, ended, record = on_rig(script)
    assert boots == [["-", "golden"], ["b", "trial"]]
    assert (ended, record) == ([["done", None, 5, 17, "commit"]], ["b", 0])


def test_golden_obeys_the_host_and_tries_the_active_slot(on_rig):
    script = (
        TRIAL
        + """
from device.update.record import BootRecord

BootRecord("/state", []).change(crashes=5)
board.machine.cause = rig.HARD
host.assignment = None
host.retry_active = True
say(board.boot())
say(record("crashes", "tries", "rounds"))
host.retry_active = False
board.boot()
say(board.boots)
"""
    )
    assert on_rig(script) == ["active again", [4, 3, 1], [["-", "golden"], ["a", "active"]]]


def test_a_board_that_was_never_given_a_slot_takes_its_first_release_over_the_air(on_rig):
    script = """
host.offer(1, *rig.make_release(1, FILES))
os.mkdir("/state")
board.run()
say(board.boots)
say([board.record.active, rig.is_whole("a")])
"""
    assert on_rig(script) == [[["-", "golden"], ["a", "trial"]], ["a", True]]


def test_the_old_releases_time_counts_from_its_start_not_from_its_first_contact(on_rig):
    script = (
        TRIAL
        + """
import time

away.append("trial")
board.config.contact_s = 0
board.boot()
board.boot()
path = board.choose()
board.build(path)
board.record.start_ms = time.ticks_add(time.ticks_ms(), -5000)  # longer ago than trial_s
host.assignment = None
asyncio.run(board.ask())
say(ends())
"""
    )
    assert on_rig(script) == [[["failed", "no-contact", 5, 17, "trial"]]]
