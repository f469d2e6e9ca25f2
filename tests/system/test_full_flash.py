"""An application that leaves no block of the flash, on a virtual board with a real host."""

from tests.system.test_firmware_update import host, site  # noqa: F401 - fixtures

FILLS = """
import asyncio


def fill(path, size):
    try:
        with open(path, "ab") as f:
            while True:
                f.write(bytes(size))
                f.flush()
    except OSError:  # what was flushed stays
        pass


async def main(board):
    for n in range(6):  # appending takes a block to copy the last one to: that, too, goes
        fill("/data%d.log" % n, 512 if n else 32768)
    board.log("app", "version {n} leaves nothing")
    while True:
        await asyncio.sleep(1)
        board.log("app", "goes on")
"""


def test_a_release_whose_report_was_lost_on_a_full_flash_was_taken_all_the_same(site):  # noqa: F811
    site.publish(2, source=FILLS)
    at = site.board.mark
    site.assign(2)
    at = site.board.wait_for("host reached", 60, at)
    site.board.radio.stall()
    at = site.board.wait_for("no room to keep a report", 30, at)
    site.board.wait_for("goes on", 30, at)  # what comes of a commit on flash is there
    site.board.power_off()
    site.board.radio.resume()
    site.board.power_on()
    assert site.ended(2, 40) == ("done", None)
    assert [r["outcome"] for r in site.reports() if r["kind"] == "update"] == []
    assert site.runs[2] == 2
