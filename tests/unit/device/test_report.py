"""Reports wait until the host has them."""

import pytest

REPORTS = """
import asyncio
from host import Http
from device.errors import DeviceError, StorageFull
from device.report import Reports
from device.store import Store
class Clock:
    def now(self):
        return 1795000000
class Log:
    lines = ["a line"]
    def __call__(self, *values):
        print(*values)
store = Store(given[0])
def build(*answers):
    global http
    http = Http(*answers)
    return Reports(store, Clock(), Log(), 4)
def deliver(reports):
    try:
        asyncio.run(reports.deliver(http))
        return "ok"
    except DeviceError as e:
        return e.code
def sent():
    return [r["reason"] for _, body, _ in http.posted for r in body]
OK = {"accepted": 1}
"""


@pytest.fixture
def check(on_both, tmp_path):
    return lambda script: on_both(REPORTS + script, str(tmp_path / "state"))


def test_a_report_carries_its_fields(check):
    lines = check(
        """
build().add('boot', reason='crashes', detail='x')
r = store.load('reports.json', [])[0]

"""
        "print(len(r.pop('key')))\nprint(sorted(r.items()))"
    )
    assert lines == [
        "16",
        "[('detail', 'x'), ('kind', 'boot'), ('log', ['a line']), ('reason', 'crashes'), "
        "('running', 4), ('time', 1795000000)]",
    ]


def test_one_that_waits_is_delivered_after_a_reset(check):
    assert check(
        """
build().add('app', reason='a')
print(deliver(build(OK)), sent(), store.read('reports.json'))
"""
    ) == ["ok ['a'] None"]


def test_it_waits_until_the_host_said_200(check):
    lines = check(
        "r = build('cut', 500, OK)\nr.add('app', reason='a')\n"
        "print(deliver(r), deliver(r), deliver(r), store.read('reports.json'))\n"
        "print(len(set(b[0]['key'] for _, b, _ in http.posted)))"
    )
    assert lines == ["cut http-500 ok None", "1"]  # three times the same key: counted once


def test_the_oldest_of_nine_goes(check):
    lines = check(
        "r = build()\nfor i in range(9):\n    r.add('app', reason=str(i))\n"
        "print([x['reason'] for x in store.load('reports.json', [])])"
    )
    assert lines == ["['1', '2', '3', '4', '5', '6', '7', '8']"]


@pytest.mark.parametrize("status", (400, 413))
def test_one_that_the_host_will_never_take_is_dropped(check, status):
    lines = check(
        f"""
r = build({status}, OK)
r.add('app', reason='a')
r.add('app', reason='b')
print(deliver(r), sent())
"""
    )
    assert lines[-1] == "ok ['a', 'b']"


def test_texts_are_cut_to_their_end(check):
    lines = check(
        "build().add('app', reason='a', traceback='x' * 5000 + 'end')\n"
        "t = store.load('reports.json', [])[0]['traceback']\nprint(len(t), t[-4:])"
    )
    assert lines == ["2000 xend"]


def test_only_the_newest_two_keep_their_log(check):
    lines = check(
        "r = build()\nfor i in range(4):\n    r.add('app', reason=str(i))\n"
        "print(['log' in x for x in store.load('reports.json', [])])"
    )
    assert lines == ["[False, False, True, True]"]


def test_on_a_full_flash_it_waits_in_ram(check):
    lines = check(
        "def full(name, value):\n    raise StorageFull('storage-full')\nstore.save = full\n"
        "r = build(OK)\nr.add('app', reason='a')\nprint(deliver(r), sent())"
    )
    assert lines == ["report no room to keep a report", "ok ['a']"]


def test_garbage_where_reports_should_be_is_none(check, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "reports.json").write_text("[{")
    assert check("print(deliver(build()))")[-1] == "ok"
