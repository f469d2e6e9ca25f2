"""Finds out whether the board's bootloader goes back from a firmware that did not confirm itself.

Nothing on a stock firmware says so: it is tried, with a copy of the very firmware that runs.
"""

import json

from host.deploy import agent
from host.deploy.errors import DeployError
from host.deploy.work import Work

_YES, _NO = 1, 2  # in NVS: SPEC section 2
_RESET_S = 10  # until a board that was reset says something, at most
_BLOCKS = 32  # copied at a time: two seconds on a board
_NO_OTA = (
    "one firmware partition only: releases cannot bring firmware; to change that deploy again "
    "with --firmware FILE, best the OTA build for this board (others may not fit twice)"
)
_NO_ROLLBACK = (
    "the bootloader does not go back from a bad firmware: releases cannot bring any; flash a "
    "current MicroPython, bootloader included, to change that"
)

_UNKNOWN = "not found out whether the bootloader goes back: firmware is refused until it is"

# PENDING_VERIFY and ABORTED are written by a bootloader with rollback, and by nothing else.
_SOURCE = r"""
import esp32, json, struct
from esp32 import Partition
def _states():
    found = []
    record = bytearray(28)
    for part in Partition.find(Partition.TYPE_DATA, 0):
        for sector in (0, 1):
            part.readblocks(sector, record)
            found.append(struct.unpack_from('<I', record, 24)[0])
    return found
def _known():
    try:
        return esp32.NVS('mpfleet').get_i32('rollback')
    except OSError:
        return 0
def _tell():
    runs = Partition(Partition.RUNNING)
    label, size = runs.info()[4], runs.info()[3]
    try:
        other = runs.get_next_update().info()
        fits = label[:4] == other[4][:4] == 'ota_' and label != other[4] and size <= other[3]
    except OSError:
        fits = False
    print(json.dumps({'label': label, 'blocks': size // 4096, 'fits': fits, 'known': _known(),
                      'shown': any(state in (1, 4) for state in _states())}))
def _mirror(start, end):
    runs = Partition(Partition.RUNNING)
    other = runs.get_next_update()
    a, b = bytearray(4096), bytearray(4096)
    for n in range(start, end):
        runs.readblocks(n, a)
        other.readblocks(n, b)
        if a != b:
            other.writeblocks(n, a)
def _keep(answer):
    nvs = esp32.NVS('mpfleet')
    nvs.set_i32('rollback', answer)
    nvs.commit()
"""
_TRY = "Partition(Partition.RUNNING).get_next_update().set_boot()"
_RETURN = "Partition({label!r}).set_boot()"
_CONFIRM = "Partition.mark_app_valid_cancel_rollback()"


def find_out(work: Work) -> None:
    """Note in the board's NVS whether its bootloader has rollback, unless that is known."""
    if "esp32" not in work.firmware.offers:
        return
    told = _ask(work)
    if not told["fits"]:
        work.say(_NO_OTA)
    elif told["known"] != _YES:
        try:
            has_rollback = told["shown"] or _rehearse(work, told)
        except DeployError as error:  # releases without firmware do not need to know
            work.say(f"{_UNKNOWN}: {error}")
            work.board.stop()
            work.board.run(agent.SOURCE)
            return
        work.board.run(f"_keep({_YES if has_rollback else _NO})")
        work.say("the bootloader goes back from a bad firmware" if has_rollback else _NO_ROLLBACK)


def _rehearse(work: Work, before: dict) -> bool:
    """Start a copy, unconfirmed, and see what the bootloader makes of it; the board ends where it
    was.
    """
    for n in range(0, before["blocks"], _BLOCKS):
        work.board.run(f"_mirror({n}, {min(n + _BLOCKS, before['blocks'])})")
        work.progress(min(n + _BLOCKS, before["blocks"]) * 4096, before["blocks"] * 4096)
    work.board.run(_TRY)
    after = _restart(work)
    if after["label"] == before["label"]:
        return after["shown"]
    if not after["shown"]:
        work.board.run(_RETURN.format(label=before["label"]))
    last = _restart(work)  # a bootloader with rollback goes back by itself
    if not after["shown"]:
        work.board.run(_CONFIRM)
    return after["shown"] and last["label"] == before["label"]


def _restart(work: Work) -> dict:
    work.board.reset(agent.RESET)
    # The first line says that the reset came: a Ctrl-C before that would undo it.
    next((line for line in work.board.lines(_RESET_S) if line.strip()), None)
    work.board.stop()
    work.board.run(agent.SOURCE)
    return _ask(work)


def _ask(work: Work) -> dict:
    work.board.run(_SOURCE)
    return json.loads(work.board.run("_tell()"))
