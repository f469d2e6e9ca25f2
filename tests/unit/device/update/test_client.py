"""Updates on the rig, from the assignment to their end: done, refused, or later."""

import json

import pytest

UPDATE = """
rig.install("a", 4, FILES)
board.nvs.set_number("number", 4)
NEW = dict(FILES)
NEW["app/main.mpy"] = mpy(9, 1200)


def ends():
    keys = ("outcome", "reason", "number", "assignment")
    return [[r.get(k) for k in keys] for r in board.reports.queue]


def state():
    return [rig.number_of(board.record.slot), board.record.mode, board.journal["step"]]


def blobs_asked():
    return [path for path, _ in host.asked if path.startswith("/blobs")]


def another():
    again = rig.Board(host, root, board.machine)
    again.apps = board.apps
    return again
"""


def test_only_what_changed_travels(on_rig):
    script = (
        UPDATE
        + """
host.offer(17, *rig.make_release(5, NEW))
board.run()
say(ends())
say(state())
say(len(blobs_asked()))
say(board.reports.queue[0]["bytes"])
say([rig.is_whole("a"), rig.is_whole("b")])
"""
    )
    ended, state, asked, count, whole = on_rig(script)
    assert ended == [["done", None, 5, 17]]
    assert (state, asked, whole) == ([5, "active", "check"], 1, [True, True])
    assert (count["copied"], count["resumed"]) == (5300, 0)


def test_back_to_old_content_under_a_new_number_fetches_no_file(on_rig):
    script = (
        UPDATE
        + """
host.offer(17, *rig.make_release(5, NEW))
board.run()
del host.asked[:]
host.offer(18, *rig.make_release(6, FILES))
board.run()
say(ends())
say(blobs_asked())
"""
    )
    ended, asked = on_rig(script)
    assert ended == [["done", None, 5, 17], ["done", None, 6, 18]]
    assert asked == []


def test_a_file_that_rotted_in_the_active_slot_is_fetched(on_rig):
    script = (
        UPDATE
        + """
f = open("/slots/a/device/run.mpy", "r+b")
f.seek(3000)
f.write(b"rot")
f.close()
host.offer(17, *rig.make_release(5, NEW))
board.run()
say(ends())
say(len(blobs_asked()))
say(rig.is_whole("b"))
"""
    )
    assert on_rig(script) == [[["done", None, 5, 17]], 2, True]


# What mpfleet dev leaves (SPEC section 2): other files, and no release.json.
CHANGED = """
rig.put("/slots/a/app/main.mpy", mpy(7, 1000))
os.rename("/slots/a/release.json", "/slots/a/release.was")
"""


def test_an_unmanaged_board_takes_a_release_and_fetches_only_what_was_changed(on_rig):
    script = (
        UPDATE
        + CHANGED
        + """
host.offer(17, *rig.make_release(5, FILES))
board.run()
say(ends())
say(state())
say(len(blobs_asked()))
say(rig.is_whole("b"))
"""
    )
    assert on_rig(script) == [[["done", None, 5, 17]], [5, "active", "check"], 1, True]


@pytest.mark.parametrize(
    ("number", "ended"),
    ((4, ["done", None, 4, 17]), (3, ["refused", "old-number", 3, 17])),
    ids=["the same number", "a lower number"],
)
def test_an_unmanaged_board_takes_the_release_it_was_again(on_rig, number, ended):
    script = (
        UPDATE
        + CHANGED
        + """
host.offer(17, *rig.make_release(given[0], FILES))
board.run()
say(ends())
say(board.nvs.number("number"))
"""
    )
    assert on_rig(script, number) == [[ended], 4]


def test_the_number_that_runs_is_not_taken_again(on_rig):
    script = UPDATE + "host.offer(17, *rig.make_release(4, FILES))\nboard.run()\nsay(ends())\n"
    assert on_rig(script) == [[["refused", "old-number", 4, 17]]]


def test_the_manifest_of_what_was_changed_goes_when_its_slot_is_filled(on_rig):
    script = (
        UPDATE
        + CHANGED
        + """
host.offer(17, *rig.make_release(5, NEW))
board.run()
host.offer(18, *rig.make_release(6, FILES))
board.run()
say(ends()[1:])
say(rig.is_whole("a"))
"""
    )
    assert on_rig(script) == [[["done", None, 6, 18]], True]


def test_the_same_content_twice_travels_once(on_rig):
    script = (
        UPDATE
        + """
NEW["app/copy.mpy"] = NEW["app/main.mpy"]
host.offer(17, *rig.make_release(5, NEW))
board.run()
say(ends())
say(len(blobs_asked()))
"""
    )
    assert on_rig(script) == [[["done", None, 5, 17]], 1]


def test_what_an_older_release_left_in_the_slot_goes(on_rig):
    script = (
        UPDATE
        + """
stale = ["app/old/deep/x.mpy", "app/main.mpy/y", "zzz", "0123456789abcdef.part", "lib/empty.txt"]
for path in stale:
    rig.put("/slots/b/" + path, b"x")
host.offer(17, *rig.make_release(5, NEW))
board.run()
say(rig.is_whole("b"))
say(sorted(os.listdir("/slots/b/app")))
"""
    )
    assert on_rig(script) == [True, ["main.mpy"]]


# Bad input: word, how it is made


BAD = {
    "not JSON": ("manifest-invalid", "manifest = b'{'"),
    "nested too deep": ("manifest-invalid", "manifest = b'[' * 20"),
    "another product": ("wrong-product", "remake(product='fan')"),
    "another board": ("wrong-board", "remake(boards=['PICO_W'])"),
    "another ABI": ("wrong-abi", "remake(abi=7)"),
    "another firmware": ("wrong-firmware", "remake(firmwares=['22' * 16])"),
    "a path out of the slot": ("bad-path", "NEW['app/../../x'] = b'x'; remake()"),
    "bytecode of another ABI": ("wrong-abi", "NEW['app/x.mpy'] = b'M\\x05\\x00\\x1f'; remake()"),
    "native code": ("native-code", "NEW['app/x.mpy'] = b'M\\x06\\x08' + bytes(900); remake()"),
    "an .mpy that is none": ("wrong-abi", "NEW['app/main.mpy'] = b'import app'; remake()"),
    "larger than the flash": ("no-space", "manifest = manifest.replace(b', 5000,', b', 900000,')"),
}  # fmt: skip

OFFER_BAD = """
from binascii import hexlify
from hashlib import sha256

manifest, blobs = rig.make_release(5, NEW)


def remake(**changes):
    global manifest, blobs
    manifest, blobs = rig.make_release(5, NEW, **changes)


HOW
host.offer(17, *rig.make_release(5, NEW))
digest = hexlify(sha256(manifest).digest()).decode()
host.answers["/manifests/" + digest] = manifest
host.assignment["manifest"], host.assignment["size"] = digest, len(manifest)
"""


@pytest.mark.parametrize(("word", "how"), BAD.values(), ids=BAD)
def test_a_bad_release_is_refused_with_its_word_and_not_tried_again(on_rig, word, how):
    script = (
        UPDATE
        + OFFER_BAD.replace("HOW", how)
        + """
board.run()
say(ends())
say(state())
say(board.boots)
asked = len(host.asked)
again = another()
again.run()
say(len(host.asked) - asked)
say([again.reports.queue, rig.is_whole("a")])
"""
    )
    ended, state, boots, asked, after = on_rig(script)
    assert ended == [["refused", word, 5, 17]]
    assert (state, boots) == ([4, "active", "check"], [["a", "active"]])
    assert (asked, after) == (1, [[], True])


def test_a_manifest_too_large_is_not_even_fetched(on_rig):
    script = (
        UPDATE
        + """
host.offer(17, *rig.make_release(5, NEW))
host.assignment["size"] = 32769
board.run()
say(ends())
say([path for path, _ in host.asked])
"""
    )
    assert on_rig(script) == [[["refused", "manifest-too-large", 5, 17]], ["/assignment"]]


MANGLED_MANIFEST = """
host.offer(17, *rig.make_release(5, NEW))
path = "/manifests/" + host.assignment["manifest"]
whole = host.answers[path]
host.answers[path] = whole.replace(b"blink", b"blank")
board.run()
say(ends())
"""


def test_a_manifest_that_was_mangled_on_its_way_is_fetched_again(on_rig):
    script = UPDATE + MANGLED_MANIFEST + "host.answers[path] = whole\nboard.run()\nsay(ends())\n"
    assert on_rig(script) == [[], [["done", None, 5, 17]]]


def test_a_manifest_that_never_is_what_its_hash_says_is_refused(on_rig):
    script = UPDATE + MANGLED_MANIFEST + "for _ in range(9):\n    board.run()\nsay(ends())\n"
    assert on_rig(script) == [[], [["refused", "hash-mismatch", 5, 17]]]


@pytest.mark.parametrize("committed", (5, 6))
def test_a_number_not_above_the_highest_committed_is_refused(on_rig, committed):
    script = (
        UPDATE
        + """
board.nvs.set_number("number", given[0])
host.offer(17, *rig.make_release(5, NEW))
board.run()
say(ends())
"""
    )
    assert on_rig(script, committed) == [[["refused", "old-number", 5, 17]]]


ASSIGNMENTS = [
    {"assignment": "17", "number": 5, "manifest": "a" * 64, "size": 1},
    {"assignment": 17, "number": -5, "manifest": "a" * 64, "size": 1},
    {"assignment": 17, "number": 5, "manifest": 7, "size": 1},
    {"assignment": 17, "number": 5, "size": 1},
    [17],
    "5",
]


@pytest.mark.parametrize("release", ASSIGNMENTS, ids=json.dumps)
def test_an_assignment_that_is_none_is_a_bad_answer(on_rig, release):
    script = (
        UPDATE
        + """
from device.errors import HttpError
host.assignment = given[0]
try:
    board.run()
except HttpError as e:
    say(e.code)
say(board.journal["step"])
"""
    )
    assert on_rig(script, release) == ["bad-answer", "check"]


# Trouble on the way


LATER = (
    UPDATE
    + """
from device.errors import HttpError, NetworkError


def tries(n):
    words = []
    for _ in range(n):
        try:
            board.run()
            words.append(None)
        except (HttpError, NetworkError) as e:
            words.append(e.code)
    return words


host.offer(17, *rig.make_release(5, NEW))
blob = [path for path in host.answers if len(host.answers[path]) == 1200][0]
good = host.answers[blob]
"""
)


@pytest.mark.parametrize(
    "error",
    (
        "NetworkError('timeout')",
        "NetworkError('tls', 'not yet valid')",
        "HttpError('http-401', 401)",
        "HttpError('http-410', 410)",
        "HttpError('http-429', 429, 60)",
        "HttpError('http-500', 500)",
        "HttpError('http-302', 302)",
    ),
)
def test_trouble_that_is_not_the_releases_waits_as_long_as_it_takes(on_rig, error):
    script = (
        LATER
        + f"host.answers[blob] = {error}"
        + """
say(tries(9) == [host.answers[blob].code] * 9)
say(ends())
host.answers[blob] = good
say(tries(1))
say(ends())
"""
    )
    assert on_rig(script) == [True, [], [None], [["done", None, 5, 17]]]


@pytest.mark.parametrize("bad", ("None", "good[:-1]", "good + b'x'", "b'x' + good[1:]"))
def test_a_blob_that_stays_bad_is_refused_in_the_end(on_rig, bad):
    script = (
        LATER
        + f"host.answers[blob] = {bad}"
        + """
say(tries(6))
say(ends())
say(board.reports.queue[0]["detail"].split(" ")[0])
"""
    )
    words, ended, detail = on_rig(script)
    assert (words, ended) == ([None] * 6, [["refused", "not-staged", 5, 17]])
    assert detail in ("http-404", "short", "long", "hash-mismatch")


def test_a_cut_connection_costs_only_what_had_not_come(on_rig):
    script = (
        LATER
        + """
host.breaks_after = 1000
words = tries(1)
manifest = host.assignment["size"]
say(words + tries(1))
say(ends())
count = board.reports.queue[0]["bytes"]
say(count["fetched"] - manifest)
say(0 < count["resumed"] < 1000)
"""
    )
    words, ended, fetched, resumed = on_rig(script)
    assert (words, ended) == (["cut", None], [["done", None, 5, 17]])
    assert (fetched, resumed) == (1200, True)


def test_a_withdrawn_assignment_stops_at_once(on_rig):
    script = (
        LATER
        + """
host.answers[blob] = NetworkError("cut")
tries(1)
host.assignment = None
host.answers[blob] = good
say(tries(1))
say([ends(), board.boots[-1]])
"""
    )
    assert on_rig(script) == [[None], [[], ["a", "active"]]]


def test_another_assignment_takes_the_place_of_one_half_done(on_rig):
    script = (
        LATER
        + """
host.answers[blob] = NetworkError("cut")
tries(1)
NEW["app/main.mpy"] = mpy(11, 800)
host.offer(18, *rig.make_release(6, NEW))
say(tries(1))
say(ends())
say(rig.is_whole("b"))
"""
    )
    assert on_rig(script) == [[None], [["done", None, 6, 18]], True]


def test_a_flash_filled_by_the_application_waits_for_room(on_rig):
    script = (
        LATER
        + """
FULL = 210
f = open("/data.log", "wb")
f.write(bytes(4088 * FULL))
f.close()
say(tries(3))
say([[r["kind"], r["reason"]] for r in board.reports.queue])
os.remove("/data.log")
say(tries(1))
say(ends()[1:])
"""
    )
    waits, told, goes, ended = on_rig(script)
    assert waits == [None] * 3
    assert told == [["storage", "storage-full"]] * len(told)
    assert (goes, ended[-1]) == ([None], ["done", None, 5, 17])


def test_a_flash_that_is_full_to_the_last_block_still_waits(on_rig):
    script = (
        LATER
        + """
from device.errors import StorageFull
f = open("/data.log", "wb")
try:
    while True:
        f.write(bytes(512))
        f.flush()
except OSError:
    pass
try:
    f.close()
except OSError:
    pass
say(tries(3))
say(board.boots[-1])
say(list({r["reason"] for r in board.reports.queue}))
os.remove("/data.log")
say(tries(1))
say(ends()[-1])
"""
    )
    waits, boots, told, goes, ended = on_rig(script)
    assert (waits, boots, goes) == ([None] * 3, ["a", "active"], [None])
    assert told == ["storage-full"]
    assert ended == ["done", None, 5, 17]


def test_a_full_flash_still_boots_and_counts(on_rig):
    script = (
        LATER
        + """
f = open("/data.log", "wb")
try:
    while True:
        f.write(bytes(512))
        f.flush()
except OSError:
    pass
try:
    f.close()
except OSError:
    pass
board.choose()
board.machine.cause, board.machine.remembered = rig.WATCHDOG, b""
say(board.choose()[0])
board.build([])
say(board.record.crashes)
"""
    )
    assert on_rig(script) == ["/slots/a", 1]


def test_what_is_staged_already_is_not_copied_again(on_rig):
    script = LATER + "host.answers[blob] = NetworkError('cut')\nsay(tries(1))\n"
    script += "for path in ('device/run.mpy', 'lib/x.mpy'):\n    rig.put('/slots/b/' + path, FILES[path])\n"
    script += "host.answers[blob] = good\nboard.run()\nsay(board.reports.queue[0]['bytes'])"
    _, counted = on_rig(script)
    assert (counted["copied"], counted["resumed"]) == (0, 5300)


SHORT = {  # how an update comes to want the whole board: what is done to it, and what it says
    "no memory in stage": ("host.answers[blob] = MemoryError()", "MemoryError()"),
    "no memory in plan": ("host.answers[manifest] = MemoryError()", "MemoryError()"),
    "too little heap for staging": (
        "client._STAGE_BYTES = {False: 1 << 30}; rig.Board.free_heap = lambda self: 7",
        "MemoryError('free', 7)",
    ),
    "nothing left for TLS and WiFi": ("rig.Board.is_starved = lambda self: True", "MemoryError('outside"),
    "other tasks take too long": ("board.watchdog_s = 0.1; busy(board)", "Starved('starved', "),
    "three walks that never ended": ("board.walks = 3", "cut off too often"),
}
WHOLE = "update mode: a heap that is whole"  # the reset between plan and stage
RETREAT = """
import time
from device.errors import NetworkError
from device.update import client
from device.update.download import Download

manifest = [path for path in host.answers if path.startswith("/manifests")][0]


def busy(board):
    async def turn(self):
        self.waited_ms += 60

    Download.turn = turn


"""


@pytest.mark.parametrize(("how", "said"), SHORT.values(), ids=SHORT)
def test_an_update_that_the_application_leaves_too_little_goes_on_in_update_mode(
    on_rig, how, said
):
    script = LATER + RETREAT + how + "\n"
    script += "say(board.boot())\nsay(ends())\nsay(board.journal['tries'])\n"
    why, ended, failures = on_rig(script)
    assert (why.startswith("update mode: " + said), ended, failures) == (True, [], 0)


@pytest.mark.parametrize("how", [how for how, _ in SHORT.values()][2:], ids=list(SHORT)[2:])
def test_where_update_mode_is_no_way_it_goes_on_as_it_is(on_rig, how):
    script = LATER + RETREAT + how + "\nboard.rounds = 3\nsay(tries(1))\nsay(ends())"
    assert on_rig(script) == [[None], [["done", None, 5, 17]]]


def test_in_update_mode_it_goes_on_with_little_heap_and_slowly(on_rig):
    how = "; ".join(how for how, _ in SHORT.values() if "MemoryError" not in how)
    script = LATER + RETREAT + how + "\nboard.wish = True\nsay([board.boot(), board.boot()])"
    assert on_rig(script) == [[WHOLE, "trial of release 5"]]


def test_in_update_mode_it_stages_in_a_heap_that_no_look_up_used(on_rig):
    script = LATER + RETREAT + "board.wish = True\nsay(board.boot())\n"
    script += "say([(blob, 0) in host.asked, board.journal['step'], board.rounds])\n"
    script += "say([board.boot(), (blob, 0) in host.asked])"
    assert on_rig(script) == [WHOLE, [False, "stage", 0], ["trial of release 5", True]]


@pytest.mark.parametrize("where", ("blob", "manifest"))
def test_what_runs_out_of_memory_in_update_mode_has_fresh_heaps_and_is_refused_in_the_end(
    on_rig, where
):
    script = LATER + RETREAT + f"host.answers[{where}] = MemoryError()\n"
    script += "say([board.boot() for _ in range(5)])\nsay(ends())\nsay(board.rounds)"
    again = "update mode: MemoryError()"
    refused = [["refused", "out-of-memory", 5, 17]]
    assert on_rig(script) == [[again, again, again, None, None], refused, 0]


@pytest.mark.parametrize(
    ("is_online", "said"),
    ((False, "update mode: NetworkError('out-of-memory'"), (True, None)),
    ids=["without MQTT", "beside MQTT"],
)
def test_tls_without_memory_wants_the_whole_board_once_mqtt_is_out_of_the_way(
    on_rig, is_online, said
):
    script = LATER + RETREAT + "host.answers[blob] = NetworkError('out-of-memory', 'host')\n"
    script += f"rig.Link.is_online = {is_online}\n"
    script += "try:\n    say(board.boot())\nexcept NetworkError:\n    say(None)\n"
    (why,) = on_rig(script)
    assert (why or "").startswith(said or "") and bool(why) is bool(said)


def test_a_heap_that_is_whole_after_the_reset_bears_the_update(on_rig):
    script = LATER + "host.answers[blob] = MemoryError()\nsay(board.boot())\n"
    script += "host.answers[blob] = good\nboard.run()\nsay(ends())\nsay(board.rounds)"
    assert on_rig(script) == ["update mode: MemoryError()", [["done", None, 5, 17]], 0]


def test_walks_that_do_not_end_are_counted_and_those_that_do_are_not(on_rig):
    script = (
        LATER
        + """
counts = []
remember = board.remember


def note(walks=0, rounds=None):
    counts.append([walks, rounds])
    remember(walks, rounds)


board.remember = note
host.answers[blob] = NetworkError("timeout")
say(tries(2))
say(counts)
counts.clear()
host.answers[blob] = good
say(tries(1))
say(counts)
"""
    )
    words, cut, words_later, ended = on_rig(script)
    assert (words, cut) == (["timeout"] * 2, [[1, None], [0, None]] * 2)
    # the last one is of the new release's own talk
    assert (words_later, ended[:2]) == ([None], [[1, None], [0, 0]])


def test_a_byte_that_flash_lost_is_found_before_it_runs(on_rig):
    script = (
        LATER
        + """
from device.update.app_slot import AppSlot

seal = AppSlot.seal
times = []


async def rotten(self, files, download):
    times.append(1)
    if len(times) <= given[0]:
        f = open(self.folder + "/device/run.mpy", "r+b")
        f.seek(100)
        f.write(b"rot")
        f.close()
    await seal(self, files, download)


AppSlot.seal = rotten
say(tries(1))
say(ends())
say(rig.is_whole("b"))
"""
    )
    assert on_rig(script, 1) == [[None], [["done", None, 5, 17]], True]
    assert on_rig(script, 9)[1] == [["refused", "not-staged", 5, 17]]
