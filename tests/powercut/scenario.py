"""One life of a board on the rig; prints what became of it as one line of JSON.

scenario.py PROJECT WORK install|live|recover NAME CUT_AT WHEN FAULT
"""

# It runs in MicroPython, in a test:
# ruff: noqa: E402, T201

import json
import sys

project, work, what, name, cut_at, when, fault = sys.argv[1:8]
sys.path[:0] = [project + "/tests/powercut", project]

import deploying
import rig
import trusting
import updating
from faults import FAULTS
from kinds import kind_of

kind, is_full = kind_of(name)
with open(work + "/releases.json") as f:
    given = json.loads(f.read())  # load() reads byte by byte
flash, root = rig.mount(project, work, fresh=what == "install")
lives = {"setup": deploying, "trust": trusting}.get(kind.life, updating)
scenario = lives.Scenario(flash, root, given, name)
FAULTS[fault]()
if what == "install":
    told = scenario.install() or {}
elif what == "live":
    told = scenario.live(int(cut_at), when)
else:
    told = scenario.recover()
told["operations"] = flash.operations
print(json.dumps(told))
