"""The log."""

import re


def test_a_line_has_time_part_and_values(on_board):
    (line,) = on_board("from device.log import Log\nLog()('wifi', 'joined', 'home', -60)")
    assert re.fullmatch(r"mpfleet \d+\.\d{3} wifi: joined home -60", line)


def test_the_last_lines_are_kept_and_cut(on_board):
    script = """
from device.log import Log
log = Log(3)
for i in range(5):
    log("x", str(i) * 500)
print([(len(line), line[-1]) for line in log.lines])
"""
    assert on_board(script)[-1] == "[(160, '2'), (160, '3'), (160, '4')]"
