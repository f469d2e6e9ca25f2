"""Moving house: what a board does with a signed fleet.json, against real TLS servers."""

import base64
import json

import pytest
from test_http import answering
from tls_server import TlsServer

from tests.unit.device.conftest import Authority

# The board lives at given[0] with CA given[1]; given[2] is the fleet.json that waits.
MOVE = """
import asyncio
import esp32
from rig import Rig
from device.store import Nvs
from device.update import move
rig = Rig(*given[:2])
rig.nvs.set_blob("host", json.dumps({"addresses": ["127.0.0.1"], "port": given[0]}).encode())
rig.nvs.set_blob("ca", bytes.fromhex(given[1]))
rig.nvs.set_blob("fleet", given[2].encode())
rig.nvs.set_number("moving", 1)
class Reports:
    def add(self, kind, **fields):
        print("report", kind, fields["reason"])
class Stop(BaseException):
    pass
class Power(type(rig.power)):
    async def restart(self, why):
        print("restart")
rig.power = Power(0, rig.log)
rig.reports = Reports()
class Cut(BaseException):
    pass
def cut_after(commits):
    commit = esp32.NVS.commit
    def counted(self):
        nonlocal commits
        commits -= 1
        if commits < 0:
            raise Cut
        commit(self)
    esp32.NVS.commit = counted
    return commit
def attempt(times=1):
    for _ in range(times):
        asyncio.run(move.attempt(rig))
def tell():
    settings = json.loads(rig.nvs.blob("host"))
    cas = [rig.nvs.blob(key) for key in ("ca", "ca2")]
    print(json.dumps({
        "port": settings["port"],
        "cas": [ca.hex() for ca in cas if ca],
        "moving": rig.nvs.number("moving"),
        "house": (rig.nvs.blob("house") or b"").decode(),
    }))
"""
ONCE = MOVE + "attempt()\ntell()\n"
KNOWN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
UNKNOWN = b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """The CA of the new house."""
    return Authority(tmp_path_factory.mktemp("other"), "new fleet")


def fleet_json(port, *authorities, **changes):
    cas = [base64.b64encode(bytes.fromhex(a.der_hex)).decode() for a in authorities]
    told = {"format": 1, "name": "mpfleet", "addresses": ["127.0.0.1"], "port": port}
    return json.dumps({**told, "mqtt_port": 8883, "cas": cas, **changes})


def moved(lines):
    """The words, and what is in NVS at the end."""
    said = [line for line in lines if not line.startswith(("mpfleet", "rtc"))]
    return said[:-1], json.loads(said[-1])


@pytest.mark.parametrize("count", (1, 2))
def test_a_board_moves_to_a_house_that_takes_it_and_starts_anew(on_board, authority, other, count):
    authorities = (other, authority)[:count]
    with TlsServer(other.leaf(), answering(KNOWN)) as server:
        given = 1, authority.der_hex, fleet_json(server.port, *authorities)
        words, nvs = moved(on_board(ONCE, *given))
        asked, headers, _ = server.requests[0]
    assert words == ["restart"]
    assert (nvs["port"], nvs["moving"]) == (server.port, 0)
    assert nvs["cas"] == [a.der_hex for a in authorities]
    assert asked == "GET /api/device/v1/assignment HTTP/1.1"
    assert headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize("wrong", ("nobody", "other CA", "other name", "unknown board"))
def test_the_old_house_is_kept_where_the_new_one_does_not_take_us(
    on_board, authority, other, wrong
):
    trusted = authority if wrong == "other CA" else other
    leaf = other.leaf("other" if wrong == "other name" else "mpfleet")
    with TlsServer(leaf, answering(UNKNOWN)) as server:
        port = 1 if wrong == "nobody" else server.port
        given = 1, authority.der_hex, fleet_json(port, trusted)
        words, nvs = moved(on_board(MOVE + "attempt(2)\ntell()\n", *given))
    reason = {"nobody": "refused-connection", "unknown board": "http-401"}.get(wrong, "tls")
    assert words == [f"report trust {reason}"]  # once
    assert (nvs["port"], nvs["cas"], nvs["moving"]) == (1, [authority.der_hex], 2)


MISTAKES = (
    {"format": 2},
    {"addresses": []},
    {"addresses": "127.0.0.1"},
    {"addresses": [""]},
    {"port": 0},
    {"port": "8443"},
    {"name": ""},
    {"cas": []},
    {"cas": ["AAEC", "AAEC", "AAEC"]},
    {"cas": 7},
    {"mqtt_port": None},
    {},  # the one that is none
)


def test_what_approvers_signed_by_mistake_is_never_tried(on_board):
    script = """
from device.errors import Untrusted
from device.update import move
for text in given[0]:
    try:
        move.parse(text)
        print("fine")
    except Untrusted as e:
        print(e.code)
"""
    told = {**json.loads(fleet_json(8443)), "cas": ["AAEC"]}
    lines = on_board(script, [json.dumps(told | changes) for changes in MISTAKES])
    assert lines == ["bad-target"] * (len(MISTAKES) - 1) + ["fine"]


def test_nonsense_is_told_once_and_forgotten(on_board, authority):
    words, nvs = moved(on_board(ONCE, 1, authority.der_hex, "[nonsense"))
    assert words == ["report trust bad-target"]
    assert (nvs["port"], nvs["moving"], len(nvs["house"])) == (1, 0, 64)


def test_where_it_lives_already_nothing_is_asked(on_board, authority):
    told = fleet_json(1, authority)
    script = MOVE + "rig.nvs.set_blob('host', given[2].encode())\nattempt()\ntell()\n"
    words, nvs = moved(on_board(script, 1, authority.der_hex, told))
    assert (words, nvs["moving"]) == ([], 0)


def test_a_cut_between_two_keys_is_mended_by_the_next_try(on_board, authority, other):
    script = (
        MOVE
        + """
for commits in range(7):
    commit = cut_after(commits)
    try:
        attempt()
    except Cut:
        pass
    esp32.NVS.commit = commit
    if rig.nvs.number("moving"):
        attempt()
    tell()
    rig.nvs.set_blob("host", json.dumps({"addresses": ["127.0.0.1"], "port": 1}).encode())
    rig.nvs.set_blob("ca", bytes.fromhex(given[1]))
    rig.nvs.set_blob("fleet", given[2].encode())
    rig.nvs.set_number("moving", 1)
"""
    )
    with TlsServer(other.leaf(), answering(KNOWN)) as server:
        lines = on_board(script, 1, authority.der_hex, fleet_json(server.port, other))
    ends = [json.loads(line) for line in lines if line.startswith("{")]
    assert [(nvs["port"], nvs["cas"]) for nvs in ends] == [(server.port, [other.der_hex])] * 7
