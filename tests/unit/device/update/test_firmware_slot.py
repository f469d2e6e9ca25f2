"""Firmware and app as one transaction on the rig: staged, refused, resumed, undone."""

import pytest

from host import patches
from simulator import build_image
from tests.patching import code

UPDATE = """
from chip import make_image
from hashlib import sha256

rig.install("a", 4, FILES)
board.nvs.set_number("number", 4)
board.nvs.set_number("rollback", 1)
board.config.contact_s = 0.05
NEW = dict(FILES)
NEW["app/main.mpy"] = mpy(9, 1200)
image = make_image(b"new", 70000)


def ends():
    keys = ("outcome", "reason", "number")
    return [[r.get(k) for k in keys] for r in board.reports.queue]


def pair():
    return [rig.number_of(board.record.slot), board.record.mode, board.chip.running]


def offer(number, files=NEW, **more):
    host.offer(number + 13, *rig.make_release(number, files, **more))


def words(name):
    return [line for line in board.lines if name in line]


def slot_bytes(slot, size):
    return board.chip.read(chip.place(slot), size)


import chip
"""
OLD_PAIR = [4, "active", 0]
NEW_PAIR = [5, "active", 1]


def test_both_parts_are_committed(on_rig):
    script = UPDATE + "offer(5, image=image)\nboard.run()\nsay(ends())\nsay(pair())\n"
    script += (
        "say(slot_bytes(1, len(image)) == image)\nsay([e.state for e in board.chip.entries()])"
    )
    assert on_rig(script) == [[["done", None, 5]], NEW_PAIR, True, [2, 2]]


def test_the_image_s_code_is_dropped_before_the_app_is_staged(on_rig):
    script = UPDATE + """
from device.checkin import drop
from device.update.app_slot import AppSlot
from device.update.client import Client
import sys


def make(self, *args):
    whole_init(self, *(args[:-2] + (drop, args[-1])))


async def stage(self, *args):
    say("device.update.firmware_slot" in sys.modules)
    await whole_stage(self, *args)


Client.__init__, whole_init = make, Client.__init__
AppSlot.stage, whole_stage = stage, AppSlot.stage
offer(5, image=image)
board.run()
say(ends())
"""
    assert on_rig(script) == [False, [["done", None, 5]]]


STAGINGS = UPDATE + """
from device.update.app_slot import AppSlot
from device.update.firmware_slot import FirmwareSlot

staged = []


def spy(cls, name, before=lambda: None):
    whole = cls.stage

    async def stage(self, *args):
        before()
        staged.append(name)
        await whole(self, *args)

    cls.stage = stage


spy(FirmwareSlot, "image")
offer(5, image=image)
"""


@pytest.mark.parametrize(
    ("is_alone", "starts"),
    ((True, ["active", "active", "active", "trial"]), (False, ["active", "trial"])),
    ids=("in update mode", "beside the app"),
)
def test_in_update_mode_the_app_is_staged_in_a_start_of_its_own(on_rig, is_alone, starts):
    script = STAGINGS + f"spy(AppSlot, 'app')\nboard.wish = {is_alone}\nboard.run()\n"
    script += "say([mode for _, mode in board.boots])\nsay(staged)\nsay(ends())"
    assert on_rig(script) == [starts, ["image", "app"], [["done", None, 5]]]


def test_an_image_that_was_staged_is_not_looked_at_again_before_it_is_sealed(on_rig):
    script = STAGINGS + """
def lose_power():
    if staged == ["image"]:
        staged.append("cut")
        raise rig.Reset("power")


spy(AppSlot, "app", lose_power)
board.run()
say(staged)
say(ends())
"""
    assert on_rig(script) == [["image", "cut", "app"], [["done", None, 5]]]


ROT = "board.chip.program(chip.place(1) + 8192, bytes(64))"
DAMAGES = {
    "a block of it rotted": (ROT, ["image", "app", "image", "app"]),
    "a block of it rotted, and power was lost": (ROT + "; cut()", ["image", "app", "image", "app"]),
    "another one was flashed": (
        "board.chip.flash_image(1, make_image(b'other')); cut()",
        ["image", "image", "image", "app"],  # what was noted of it is thrown away first
    ),
}


@pytest.mark.parametrize(("damage", "stagings"), DAMAGES.values(), ids=DAMAGES)
def test_an_image_that_was_staged_and_is_not_there_is_staged_again(on_rig, damage, stagings):
    script = STAGINGS + f"""
damages = ["one"]


def cut():
    raise rig.Reset("power")


def damage():
    if damages:
        damages.clear()
        {damage}


spy(AppSlot, "app", damage)
board.run()
board.run()
say(staged)
say(ends())
"""
    assert on_rig(script) == [stagings, [["done", None, 5]]]


def test_a_firmware_that_runs_already_is_not_staged(on_rig):
    script = UPDATE + "image = make_image(b'old')\noffer(5, image=image)\nboard.run()\n"
    script += "say(ends())\nsay(pair())\nsay(slot_bytes(1, 16) == b'\\xff' * 16)"
    assert on_rig(script) == [[["done", None, 5]], [5, "active", 0], True]


def test_what_is_in_the_other_partition_does_not_travel(on_rig):
    script = UPDATE + "board.chip.flash_image(1, image)\noffer(5, image=image)\nboard.run()\n"
    script += "say(ends())\nsay(board.reports.queue[0]['bytes']['fetched'])"
    ended, fetched = on_rig(script)
    assert (ended, fetched < 3000) == ([["done", None, 5]], True)


def test_an_image_half_written_is_resumed_at_its_last_noted_piece(on_rig):
    script = (
        UPDATE
        + """
from device.errors import NetworkError
offer(5, image=image)
host.breaks_after = 50000
try:
    board.run()
except NetworkError as e:
    say(e.code)
board = rig.Board(host, root, board.machine)
board.run()
say(ends())
say(pair())
count = board.reports.queue[0]["bytes"]
say(count["resumed"])
say(count["fetched"] - len(image))
"""
    )
    word, ended, pair, resumed, surplus = on_rig(script)
    assert (word, ended, pair) == ("cut", [["done", None, 5]], NEW_PAIR)
    assert 32768 <= resumed < 50000
    assert surplus < 20000  # what was fetched, not noted, and the app


def test_what_rotted_before_it_was_resumed_is_fetched_again(on_rig):
    script = (
        UPDATE
        + """
from device.errors import NetworkError
offer(5, image=image)
host.breaks_after = 50000
try:
    board.run()
except NetworkError as e:
    pass
board.chip.erase(chip.place(1) + 4 * 4096)
board = rig.Board(host, root, board.machine)
board.run()
say(words("hash-mismatch") != [])
board = rig.Board(host, root, board.machine)
board.run()
say(ends())
say(pair())
"""
    )
    assert on_rig(script) == [True, [["done", None, 5]], NEW_PAIR]


# Bad images: word, how it is made. The host and the manifest agree on its bytes in each.
REFUSED = {
    "wrong magic": ("bad-image", "image = make_image(b'new', 9000, magic=0xEA)"),
    "another chip": ("wrong-chip", "image = make_image(b'new', 9000, chip=9)"),
    "too large": ("no-space", "image = make_image(b'new', 100000)"),
    "another elf than the manifest says": ("bad-image", "elf = '11' * 16"),
    "trailing bytes": ("bad-image", "image += b'x'"),
    "cut short": ("bad-image", "image = image[:-1]"),
    "cut in a segment": ("bad-image", "image = image[:40000]"),
    "a segment without end": ("bad-image", "image = image[:28] + b'\\xff' * 4 + image[32:]"),
    "its hash is wrong": ("bad-image", "image = image[:-1] + bytes([image[-1] ^ 1])"),
    "its checksum is wrong": (
        "bad-image",
        "image = bytearray(image[:-32]); image[-1] ^= 1; image = bytes(image)\n"
        "image += sha256(image).digest()",
    ),
}
BEFORE_WRITING = ("wrong magic", "another chip", "too large", "another elf than the manifest says")


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_image_is_refused_and_the_old_pair_runs_on(on_rig, name):
    word, how = REFUSED[name]
    script = (
        UPDATE
        + f"elf = None\n{how}\n"
        + """
manifest, blobs = rig.make_release(5, NEW, image=image)
if elf:
    manifest = json.loads(manifest)
    manifest["parts"]["firmware"]["ESP32_GENERIC"]["elf"] = elf
    manifest = json.dumps(manifest).encode()
host.offer(18, manifest, blobs)
board.run()
say(ends())
say(pair())
say(slot_bytes(1, 64) == b"\\xff" * 64)
say([board.record.trial, board.chip.entries()[1] is None])
"""
    )
    ended, pair, is_blank, after = on_rig(script)
    assert ended == [["refused", word, 5]]
    assert (pair, is_blank) == (OLD_PAIR, name in BEFORE_WRITING)
    assert after == ["-", True]


FIRMWARES = {
    "what runs": ("['6f6c64' + '6f6c64' * 4 + '6f']", None, "refused wrong-firmware"),
    "what it brings": ("[elf(image)]", "image", "done None"),
    "what runs, of one that brings none": ("[elf(old)]", None, "done None"),
    "what runs, of one that brings another": ("[elf(old)]", "image", "refused wrong-firmware"),
}


@pytest.mark.parametrize(("listed", "brings", "outcome"), FIRMWARES.values(), ids=FIRMWARES)
def test_firmwares_are_judged_against_what_will_run(on_rig, listed, brings, outcome):
    script = UPDATE + (
        "from binascii import hexlify\nold = slot_bytes(0, 300)\n"
        "elf = lambda image: hexlify(image[176:192]).decode()\n"
        f"offer(5, image={brings}, firmwares={listed})\nboard.run()\n"
        "say(' '.join(str(w) for w in ends()[0][:2]))"
    )
    assert on_rig(script) == [outcome]


WITHOUT = {
    "nothing is known of the bootloader": (
        "no-rollback",
        'board.nvs.set_number("rollback", 0)',
    ),
    "there is one firmware partition": (
        "no-ota",
        "rig.Esp32.Partition.get_next_update = lambda self: self",
    ),
    "there is none": (
        "no-ota",
        "def none(self):\n    raise OSError(2)\nrig.Esp32.Partition.get_next_update = none",
    ),
    "the partitions overlap": (
        "no-ota",
        "info = rig.Esp32.Partition.info\nrig.Esp32.Partition.info = lambda self: "
        "info(self)[:3] + (info(self)[3] + 4096,) + info(self)[4:]",
    ),
    "there is no otadata": (
        "no-ota",
        "find = rig.Esp32.Partition.find\nrig.Esp32.Partition.find = classmethod(\n"
        "    lambda cls, kind, subtype=255: find(kind, subtype) if kind == cls.TYPE_APP else [])",
    ),
}


@pytest.mark.parametrize(("word", "how"), WITHOUT.values(), ids=WITHOUT)
def test_firmware_is_refused_with_advice_where_it_could_not_be_undone(on_rig, word, how):
    script = UPDATE + f"{how}\noffer(5, image=image)\nboard.run()\nsay(ends())\nsay(pair()[0])\n"
    script += "say(board.reports.queue[0]['detail'])\nsay(slot_bytes(1, 64) == b'\\xff' * 64)"
    ended, runs, detail, is_blank = on_rig(script)
    assert (ended, runs, is_blank) == ([["refused", word, 5]], 4, True)
    assert "over USB" in detail


def test_otadata_that_only_rollback_can_have_written_is_enough(on_rig):
    script = UPDATE + (
        'board.nvs.set_number("rollback", 0)\n'
        "otadata = board.chip._otadata\notadata.write(board.chip, 0, 1, otadata.Entry(2, 4))\n"
        "offer(5, image=image)\nboard.run()\nsay(ends())"
    )
    assert on_rig(script) == [[["done", None, 5]]]


def test_firmware_of_another_abi_is_refused_with_advice_before_a_byte_of_it(on_rig):
    script = UPDATE + "offer(5, image=image, abi=7)\nboard.run()\nsay(ends())\nsay(pair())\n"
    script += "say(board.reports.queue[0]['detail'])\nsay(slot_bytes(1, 64) == b'\\xff' * 64)\n"
    script += "say([path[:6] for path, _ in host.asked])"
    ended, pair, detail, is_blank, asked = on_rig(script)
    assert (ended, pair, is_blank) == ([["refused", "wrong-abi", 5]], OLD_PAIR, True)
    assert detail.endswith("the golden copy could not run on it: deploy this board over USB")
    assert asked == ["/assig", "/manif"]


# Both of otadata's places → how they are written. The release that runs brought its firmware.
GARBAGE = {
    "random bytes": "bytes([(i * 181 + n * 7 + 3) % 251 for i in range(4096)])",
    "wrong CRCs": "struct.pack('<I20sII', n + 1, b'', 2, 99)",
    "no sequence": "struct.pack('<I20sII', 0xFFFFFFFF, b'', 2, 0)",
    "labels of garbage": "entry(n + 1, 2)[:4] + b'garbage' * 2 + entry(n + 1, 2)[18:28] + b'1234'",
    "zeros": "bytes(4096)",
    "aborted": "entry(n + 1, 4)",
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_with_garbage_for_otadata_the_pair_that_ran_runs_on(on_rig, content):
    """The bootloader starts the first slot, and boot.py goes back to the other."""
    script = UPDATE + (
        "import struct\noffer(5, image=image)\nboard.run()\nchip = board.chip\n"
        "entry = lambda sequence, state: chip._otadata.encode(chip._otadata.Entry(sequence, state))\n"
        f"for n in (0, 1):\n    chip.erase(n * 4096)\n    chip.program(n * 4096, {content})\n"
        "before = len(chip.starts)\nboard.run()\nsay(chip.starts[before:])\nsay(pair())\n"
        "offer(6, FILES, image=make_image(b'six', 9000))\nboard.run()\nsay(ends()[1:])"
    )
    starts, pair, then = on_rig(script)
    assert (starts, pair, then) == ([0, 1], NEW_PAIR, [["done", None, 6]])


BEHAVIOURS = {
    "panic": ("firmware-reverted", 4),
    "no-wifi": ("lost-contact", 1),
    "hang": ("watchdog", 3),  # the third start is not taken: two were counted
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_bad_firmware_is_tried_a_bounded_number_of_times(on_rig, behaviour):
    word, times = BEHAVIOURS[behaviour]
    script = UPDATE + (
        f"image = make_image(b'new', 9000, {behaviour!r})\noffer(5, image=image)\n"
        "say(board.run(20) < 20)\nsay(ends())\nsay(pair())\nstarts = board.chip.starts\n"
        "say(starts.count(1))\nboard.run()\nsay(board.chip.starts.count(1))\n"
    )
    is_over, ended, pair, first, later = on_rig(script)
    assert (is_over, ended, pair) == (True, [["failed", word, 5]], OLD_PAIR)
    assert (first, later) == (times, times)


def test_an_app_that_fails_takes_its_firmware_back(on_rig):
    script = UPDATE + (
        "board.apps[5] = rig.Application(failure='Traceback')\noffer(5, image=image)\n"
        "board.run()\nsay(ends())\nsay(pair())"
    )
    assert on_rig(script) == [[["failed", "app-raised", 5]], OLD_PAIR]


def test_a_release_that_failed_is_not_refused_for_the_image_it_lost_since(on_rig):
    script = (
        UPDATE
        + """
offer(5, image=image)
board.apps[5] = rig.Application("Traceback: boom")
board.run()
board.journal.write(step="activate", closed=0)  # as a full flash leaves it, on which nothing is kept
board.run()
say(ends())
"""
    )
    assert on_rig(script) == [[["failed", "app-raised", 5]] * 2]


def test_the_next_release_without_firmware_runs_on_what_was_committed(on_rig):
    script = UPDATE + (
        "offer(5, image=image)\nboard.run()\noffer(6, FILES)\nboard.run()\n"
        "say(ends())\nsay(pair())"
    )
    assert on_rig(script) == [[["done", None, 5], ["done", None, 6]], [6, "active", 1]]


def test_a_refused_image_leaves_the_way_free_for_the_next(on_rig):
    script = UPDATE + (
        "offer(5, image=image[:40000])\nboard.run()\noffer(6, image=image)\nboard.run()\n"
        "say(ends())\nsay(pair())"
    )
    ended, pair = on_rig(script)
    assert ended == [["refused", "bad-image", 5], ["done", None, 6]]
    assert pair == [6, "active", 1]


def test_nothing_is_left_of_the_notes_on_the_image(on_rig):
    script = UPDATE + "offer(5, image=image)\nboard.run()\nsay(rig.is_whole('b'))"
    assert on_rig(script) == [True]


PATCHED = (
    UPDATE
    + """
from binascii import hexlify, unhexlify
from device.errors import NetworkError
from device.update.firmware import running
from device.update.record import BootRecord


def name_of(content):
    return hexlify(sha256(content).digest()).decode()


old, image = unhexlify(given[0]), unhexlify(given[1])
board.chip.flash_image(0, old)
BootRecord("/state", []).change(active="a", firmware=running())
offer(5, image=image)
path = "/blobs/" + name_of(image)


def begin(patch, pieces=None):
    host.patches[(path, name_of(old))] = patch
    if pieces:
        host.pieces[path] = pieces


def accepts():
    return [a.replace("application/vnd.mpfleet.", "") for (p, _), a in zip(host.asked, host.accepts)
            if p == path]


def restart():
    global board
    board = rig.Board(host, root, board.machine)


def ended():
    board.run()
    return [board.reports.queue[0].get(k) for k in ("outcome", "reason")] + [pair() == [5, "active", 1]]


patch = unhexlify(given[2])
"""
)


def a_patch():
    """An image, the next one, and the patch between them, as the scripts take them."""
    old, new = image_of(code(1, 70_000)), image_of(code(1, 70_000)[:40_000] + code(2, 20_000))
    return old, new, patches.make(old, new)


def image_of(payload):
    return build_image(payload=payload)


def run_patched(on_rig, script):
    return on_rig(PATCHED + script, *(content.hex() for content in a_patch()))


def test_firmware_travels_as_a_patch(on_rig):
    script = "begin(patch)\nsay(ended())\nsay(accepts())\nsay(name_of(old))\n"
    script += (
        "say(board.reports.queue[0]['bytes']['fetched'])\nsay(slot_bytes(1, len(image)) == image)"
    )
    ended, accepts, name, fetched, is_right = run_patched(on_rig, script)
    assert (ended, is_right) == (["done", None, True], True)
    assert sorted(accepts[0].split(", ")) == [f"patch;from={name}", "pieces"]
    assert fetched < len(a_patch()[2]) + 6000  # the manifest, the app


def test_a_patch_that_was_cut_goes_on_at_a_piece_and_asks_for_nothing_else(on_rig):
    script = """
begin(patch)
host.breaks_after = host.assignment["size"] + len(patch) - 50
try:
    board.run()
except NetworkError as e:
    say(e.code)
restart()
say(ended())
say(accepts())
say(board.reports.queue[0]["bytes"]["resumed"])
say(name_of(old))
"""
    word, ended, accepts, resumed, name = run_patched(on_rig, script)
    assert (word, ended) == ("cut", ["done", None, True])
    assert accepts[1:] == [f"patch;from={name}"]
    assert resumed >= 32_768


BAD_PATCHES = {
    "of another source": "patch[:16] + b'x' * 32 + patch[48:]",
    "rubbish in a piece": "patch[:70] + b'\\xff' * 40 + patch[110:]",
    "cut in the index": "patch[:50]",
    "cut in a piece": "patch[:-1]",
    "longer": "patch + b'x'",
    "of another image": "unhexlify(given[3])",
}


@pytest.mark.parametrize("how", BAD_PATCHES.values(), ids=BAD_PATCHES)
def test_a_bad_patch_is_thrown_away_and_the_image_fetched_whole(on_rig, how):
    old, new, good = a_patch()
    other = bytearray(new)
    other[45_000] ^= 1  # a patch that is well made, but of other bytes than the manifest's
    script = (
        f"begin({how})\nsay(ended())\nsay(accepts()[1:])\nsay(slot_bytes(1, len(image)) == image)"
    )
    given = (old, new, good, patches.make(old, bytes(other)))
    said = on_rig(PATCHED + script, *(content.hex() for content in given))
    assert said == [["done", None, True], ["pieces"], True]


def test_a_patch_that_is_gone_when_it_goes_on_begins_anew(on_rig):
    script = """
begin(patch)
host.breaks_after = host.assignment["size"] + len(patch) - 50
try:
    board.run()
except NetworkError:
    host.patches.clear()
restart()
say(ended())
say(len(accepts()))
"""
    assert run_patched(on_rig, script) == [["done", None, True], 3]


def test_another_image_than_the_patch_was_of_is_found_out_before_it_goes_on(on_rig):
    script = """
begin(patch)
host.breaks_after = host.assignment["size"] + len(patch) - 50
try:
    board.run()
except NetworkError:
    pass
board.chip.flash_image(0, make_image(b"old", 9000))
restart()
say(ended()[:2])
say(accepts()[1:])
"""
    assert run_patched(on_rig, script) == [["done", None], ["pieces"]]


def test_an_index_that_another_image_left_is_not_gone_on_with(on_rig):
    script = """
begin(patch)
host.breaks_after = host.assignment["size"] + len(patch) - 50
try:
    board.run()
except NetworkError:
    pass
image = make_image(b"new", 50000)
path = "/blobs/" + name_of(image)
offer(6, image=image)
restart()
say(ended()[:2])
say([host.asked[n][1] for n in range(len(host.asked)) if host.asked[n][0] == path])
"""
    assert run_patched(on_rig, script) == [["done", None], [0]]


ROT = """
begin(patch)
get = host.get


async def rot_and_get(path_, *rest, **more):
    if path_.startswith(given[3]):
        board.chip.program(chip.place(0) + 20_000, b"\\0" * 64)  # clears bits, as rot does
    return await get(path_, *rest, **more)


host.get = rot_and_get
say(ended())
say(name_of(old) in accepts()[0])
say(slot_bytes(1, len(image)) == image)
"""


@pytest.mark.parametrize(
    ("when", "asks_for_that_patch"),
    (("/manifests/", False), ("/blobs/", True)),
    ids=("before it is hashed", "after it is hashed"),
)
def test_a_running_firmware_that_rotted_is_no_source_and_the_image_comes_whole(
    on_rig, when, asks_for_that_patch
):
    given = [content.hex() for content in a_patch()]
    ended, asked, is_right = on_rig(PATCHED + ROT, *given, when)
    assert (ended, asked, is_right) == (["done", None, True], asks_for_that_patch, True)
