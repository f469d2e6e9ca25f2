"""The faults: where each scenario puts them, and what a board may make of them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from device.protocol import PIECE_BYTES
from simulator import fault
from simulator.fault import Fault
from simulator.radio import LINK_STALL
from tests.faults.rig import ADDRESS, API, KINDS, MQTT
from tests.faults.server import PLACES, Wrong

_MOST_ASKS = 8  # four tries, each for a patch and then for the whole
_NEVER = 10_000
_BACKOFF_S = (1, 2, 4)  # the runtime's waits as variant.py has them, at their shortest; then 4
_LIE_S = 4  # how long a host's Date is wrong
_HEADS_BYTES = 5_000  # of an index that is asked for again


class Case(NamedTuple):
    """One fault at one place."""

    scenario: str
    kind: str  # of update: KINDS of the rig
    what: str
    place: tuple


@dataclass(frozen=True)
class Scenario:
    """`places(good, rng, count)` yields (what, place), `arm(site, what, place)` plans it.

    `right`: the release it ends on, and the outcomes of release 2 that are. `tries`: connections
    to the host more than in a good run, beside those that the waits allow during an outage.
    """

    places: Callable
    arm: Callable
    right: Callable = lambda case: (2, ("done", ""))
    tries: int = 3
    resumes: bool = False  # no more than a piece may travel twice


def _bytes(good, rng, count):
    """Below TLS: begin, handshake, middle and end of each stream, then anywhere."""
    streams = [key for key in good.passed if good.passed[key]]
    fixed = [
        (port, to_board, at)
        for port, to_board in streams
        for n in (good.passed[port, to_board],)
        for at in (0, 1, 300, 700, n // 2, n - 1)
    ]
    rng.shuffle(fixed)
    yield from fixed[:count]
    for _ in range(count - len(fixed)):
        port, to_board = rng.choice([*streams, (API, True), (API, True)])
        yield (port, to_board, rng.randrange(good.passed[port, to_board]))


def _on_the_wire(kind):
    """Of one kind of simulator/fault.py."""

    def places(good, rng, count):
        for place in _bytes(good, rng, count):
            yield kind, place

    def arm(site, what, place):
        port, to_board, at = place
        site.radio.plan(Fault(what, at, to_board, port, size=16, seconds=1.0))

    return Scenario(places, arm, resumes=True)


def _answers(good, rng, count):
    """In answers, over TLS that is sound: each kind of wrong at each kind of place."""
    paths = [path.split("/")[1] for _, path, _ in good.asked]
    for _ in range(count):
        path = rng.choice(("assignment", "metadata", "manifests", "blobs", "blobs", "reports"))
        what = rng.choice(("corrupt", "cut", "stall", "lose", "delay", "insert"))
        yield what, (path, rng.randrange(max(1, paths.count(path))), rng.choice(list(PLACES)))


def _arm_answer(site, what, place):
    path, skip, where = place
    site.host.wrongs.append(Wrong(path, what, where, skip))


def _statuses(good, rng, count):
    paths = [path.split("/")[1] for _, path, _ in good.asked]
    for _ in range(count):
        status, retry_after_s = rng.choice(((500, 0), (500, 0), (502, 0), (503, 3), (429, 3)))
        path = rng.choice(("assignment", "metadata", "manifests", "blobs", "reports"))
        yield (
            f"{status}" + (f" for {retry_after_s} s" if retry_after_s else ""),
            (path, rng.randrange(max(1, paths.count(path))), rng.choice((0, 3)), retry_after_s),
        )


def _arm_status(site, what, place):
    path, skip, seconds, retry_after_s = place
    wrong = Wrong(path, int(what[:3]), skip=skip, seconds=seconds, retry_after_s=retry_after_s)
    site.host.wrongs.append(wrong)


def _for_ever(good, rng, count):
    paths = ("blobs", "blobs", "manifests")
    for _ in range(count):
        what = rng.choice(("corrupt", "insert", "404"))
        yield what, (rng.choice(paths), rng.choice(("body-begin", "middle", "last")))


def _arm_for_ever(site, what, place):
    path, where = place
    what = int(what) if what.isdigit() else what
    site.host.wrongs.append(Wrong(path, what, where, times=_NEVER))


def _refused(case):
    """What a host that never serves right bytes leads to; firmware may come without a patch."""
    return 1, ("refused",)


def _outages(names):
    """Something is away from a byte of the good run on, for a while."""

    def places(good, rng, count):
        total = good.passed[API, True]
        for n in range(count):
            at = (0, total // 2, total - 1)[n] if n < 3 else rng.randrange(total)
            yield rng.choice(names), (at, rng.choice((1.5, 3, 5)))

    def arm(site, what, place):
        at, seconds = place
        begin, end = _AWAY[what]

        def away():
            site.outage(seconds, lambda: begin(site), lambda: end(site))

        site.radio.plan(Fault(fault.CALL, at, True, API, act=away))

    return Scenario(places, arm, tries=4)


def _set_access_point(is_present):
    def change(site):
        site.radio.access_points[0].is_present = is_present

    return change


def _block(*ports):
    """Nobody listens there, and who talked is cut off."""

    def change(site):
        for port in ports:
            site.radio.routes[ADDRESS[1], port] = ("127.0.0.1", 1)
        site.radio.drop()

    return change


def _unblock(*ports):
    def change(site):
        for port in ports:
            site.radio.routes[ADDRESS[1], port] = ("127.0.0.1", site.host.ports[port])

    return change


def _name(answer, drops=True):
    def change(site):
        site.radio.names[ADDRESS[0]] = answer
        if drops:
            site.radio.drop()

    return change


_AWAY = {
    "access-point": (_set_access_point(False), _set_access_point(True)),
    "wrong-password": (
        lambda site: setattr(site.radio.access_points[0], "password", "another one"),
        lambda site: setattr(site.radio.access_points[0], "password", "correct horse"),
    ),
    "air": (lambda site: site.radio.stall(), lambda site: site.radio.resume()),
    "broker": (_block(MQTT), _unblock(MQTT)),
    "host": (_block(API, MQTT), _unblock(API, MQTT)),
    "route": (
        lambda site: (site.radio.unreachable.add(ADDRESS[1]), site.radio.drop()),
        lambda site: site.radio.unreachable.discard(ADDRESS[1]),
    ),
    "no-such-name": (_name(None), _name(ADDRESS[1], False)),
    "name-stalls": (_name(LINK_STALL), _name(ADDRESS[1], False)),
}
_YEAR = 365 * 86400
_TIMES = {
    "ntp-2099": ("ntp", 73 * _YEAR),
    "ntp-2060": ("ntp", 34 * _YEAR),  # the certificate has expired then
    "ntp-1970": ("ntp", -57 * _YEAR),
    "ntp-yesterday": ("ntp", -86400),
    "ntp-none": ("ntp", None),
    "date-2060": ("date", 34 * _YEAR),
    "date-1970": ("date", -50 * _YEAR),
    "date-yesterday": ("date", -86400),
    "clock-2060": ("clock", 34 * _YEAR),
    "clock-2001": ("clock", -25 * _YEAR),
}


def _clocks(good, rng, count):
    total = good.passed[API, True]
    names = list(_TIMES)
    rng.shuffle(names)
    for n in range(count):
        yield names[n % len(names)], (rng.choice((0, 1000, total // 2, total - 1)),)


def _arm_clock(site, what, place):
    """The time is wrong, and the connection is cut, so that it is needed again.

    That of the host is right again after a while: as long as it is past all that approvers signed,
    a board takes no release.
    """
    who, seconds = _TIMES[what]
    if who == "ntp":
        site.radio.ntp = seconds
    elif who == "date":
        lie, tell = (partial(setattr, site.host, "clock_s", s) for s in (seconds, 0))
        site.outage(_LIE_S, lie, tell)

    def jump():
        if who == "clock":
            site.board.real_time_clock.unix_time = time.time() + seconds
        site.radio.drop()

    site.radio.plan(Fault(fault.CALL, place[0], True, API, act=jump))


SCENARIOS = {
    **{kind: _on_the_wire(kind) for kind in fault.KINDS if kind != fault.CALL},
    "answer": Scenario(_answers, _arm_answer),
    "status": Scenario(_statuses, _arm_status, tries=5),
    "for-ever": Scenario(_for_ever, _arm_for_ever, _refused, tries=8),
    "wifi": _outages(("access-point", "wrong-password", "air")),
    "broker": _outages(("broker",)),
    "host": _outages(("host", "route")),
    "name": _outages(("no-such-name", "name-stalls")),
    "clock": Scenario(_clocks, _arm_clock, tries=5),
}


def cases(scenario, good_runs, seed, count):
    """So many cases of a scenario, over the kinds of update in turn; the same for one seed."""
    rng = random.Random(f"{seed} {scenario}")
    share = {kind: (count + n) // len(KINDS) for n, kind in enumerate(reversed(KINDS))}
    for kind in KINDS:
        for what, place in SCENARIOS[scenario].places(good_runs[kind], rng, share[kind]):
            yield Case(scenario, kind, what, place)


def good_runs(rig, pool):
    """What becomes of a board without a fault, by kind of update."""
    told = pool.map(lambda kind: rig.live(kind, lambda site: None), KINDS)
    return dict(zip(KINDS, told, strict=True))


def run(rig, case, planted=None, end_s=60):
    """Told of a board in this case."""
    scenario = SCENARIOS[case.scenario]
    return rig.live(
        case.kind, lambda site: scenario.arm(site, case.what, case.place), planted, end_s
    )


def is_met(told):
    """Whether what was planned happened."""
    return told.met > 0 or any(w.hits for w in told.wrongs)


def tries(told):
    """How often it began to connect to the device API."""
    return sum(port == API for _, port in told.lookups)


def allowed_tries(seconds):
    """How many tries the waits between them leave room for, at most."""
    n, waits = 1, list(_BACKOFF_S)
    while seconds > 0:
        seconds -= waits[0]
        n += 1
        waits = waits[1:] or waits
    return n


def wrong(case, told, good):
    """What is wrong with a board after a fault; an empty list for one that is well."""
    scenario = SCENARIOS[case.scenario]
    number, ends = scenario.right(case)
    most = tries(good) + scenario.tries + allowed_tries(told.outage_s) * 2
    ended = (told.outcome, told.reason)[: len(ends)]
    asked = _asked_most(told)
    checks = (
        (ended == ends, f"release 2 ended {told.outcome} {told.reason}, not {' '.join(ends)}"),
        (told.number == number, f"it ended on release {told.number}, not {number}"),
        (number != 2 or told.firmware == good.firmware,
         f"it runs firmware {told.firmware}, not {good.firmware}"),
        (told.next_outcome == "done", f"the next update ended {told.next_outcome or 'never'}"),
        (told.next_number == 3, f"after the next update it runs release {told.next_number}"),
        (not told.oddities, "; ".join(told.oddities)),
        (tries(told) <= most, f"{tries(told)} connections, at most {most}"),
        (asked <= _MOST_ASKS, f"one thing was asked for {asked} times, at most {_MOST_ASKS}"),
        (not _early(told), "it came back before Retry-After had passed"),
        (not _died(told), f"a task died: {_died(told)}"),
        (not scenario.resumes or told.fetched <= good.fetched + PIECE_BYTES + _HEADS_BYTES,
         f"{told.fetched} bytes fetched, {good.fetched} in a good run"),
    )  # fmt: skip
    return [text for is_so, text in checks if not is_so]


def _asked_most(told):
    """How often the most wanted blob or manifest was asked for."""
    paths = [path for _, path, _ in told.asked if path.startswith(("/blobs", "/manifests"))]
    return max((paths.count(path) for path in set(paths)), default=0)


def _early(told):
    """Whether a request came within a Retry-After."""
    return any(
        0 < at - hit < w.retry_after_s - 0.2
        for w in told.wrongs
        for hit in w.hits
        for at, _, _ in told.asked
        if w.retry_after_s and at - hit > 0.05
    )


def _died(told):
    return next(
        (line for line in told.lines.splitlines() if " died: " in line or "wdt" in line), ""
    )
