"""Runs on the board, at its prompt: imports a release's modules, then lives a day of its app.

Time is the board's own, but for waits: whatever the application waits for, it has at once. Text
between markers is MicroPython; `source` fills it in.
"""

_IMPORTS = r"""
import gc, io, json, sys
_names = {names}
_main = {main!r}
def _import(name):
    before = set(sys.modules)
    gc.collect()
    free = gc.mem_free()
    out = io.StringIO()
    try:
        __import__(name)
    except BaseException as e:
        sys.print_exception(e, out)
    gc.collect()
    took = free - gc.mem_free()
    if name != _main and name != 'device.run':
        for n in list(sys.modules):
            if n not in before:
                del sys.modules[n]
    print('\x02' + json.dumps([name, took, gc.mem_free(), out.getvalue()[-1500:]]) + '\x03')
for _n in _names:
    _import(_n)
"""

_SOAK = r"""
import array, asyncio, gc, io, json, sys, time
from asyncio import core as _core

class _Time:
    real = time.ticks_ms
    ahead = 0
    begun = time.ticks_ms()
    samples = array.array('I', [0] * 800)  # made before: they must not look like a leak
    count = 0

def _now():
    return time.ticks_add(_Time.real(), _Time.ahead)

def _pass(ms):
    if ms > 0:
        _Time.ahead = (_Time.ahead + ms) & 0x3fffffff
        _Time.day += ms

_Time.day = 0
_real_wait = _core._io_queue.wait_io_event

def _wait(ms):
    _real_wait(0)
    _pass(ms)

class _Queue:
    def __init__(self, inner):
        self._inner = inner
        self.wait_io_event = _wait
    def __getattr__(self, name):
        return getattr(self._inner, name)

_core._io_queue = _Queue(_core._io_queue)
_core.ticks = _now
_seconds = time.time
for _name, _fake in (
    ('ticks_ms', _now),
    ('sleep', lambda s: _pass(int(s * 1000))),
    ('sleep_ms', _pass),
    ('time', lambda: _seconds() + _Time.day // 1000),
):
    try:
        setattr(time, _name, _fake)
    except AttributeError:
        pass

class _Over(BaseException):
    pass

class _Identity:
    id = '240ac4000001'
    firmware = 'v1.26.0'
    model = product = ''

class _Board:
    config = {config}
    identity = _Identity()
    online = True
    def log(self, *values):
        pass
    def publish(self, topic, value):
        json.dumps(value)
        return True
    def hold(self, seconds=60):
        pass
    def alive(self):
        return True
    async def thread(self, function, *args):
        raise _Over('thread')
    async def reset(self):
        raise _Over('reset')
    async def sleep(self, seconds):
        raise _Over('sleep')

async def _watch(task):
    end = 'time'
    n = 0
    while True:
        await asyncio.sleep_ms({every_ms})
        gc.collect()
        _Time.samples[_Time.count] = _Time.day // 1000
        _Time.samples[_Time.count + 1] = gc.mem_alloc()
        _Time.count += 2
        if task.done():
            return 'done'
        if gc.mem_free() < 40000:  # what is left is for telling
            return 'memory'
        took_ms = time.ticks_diff(_Time.real(), _Time.begun)
        if _Time.count == 800 or _Time.day >= {day_ms} or took_ms > {wall_ms}:
            return 'time'

async def _live():
    import app.main
    task = asyncio.create_task(app.main.main(_Board()))
    end = await _watch(task)
    if end == 'done':
        await task
    return end

_out = io.StringIO()
try:
    _end = asyncio.run(_live())
except _Over as e:
    _end = str(e)
except BaseException as e:
    sys.print_exception(e, _out)
    _end = 'memory' if isinstance(e, MemoryError) else 'raised'
for _name in list(sys.modules):
    if _name == 'app' or _name.startswith('app.'):
        del sys.modules[_name]
_free = gc.mem_free()
gc.collect()
_s = list(_Time.samples)[: _Time.count]
print('\x02' + json.dumps([_end, _free, _s, _out.getvalue()[-1500:]]) + '\x03')
"""

_DAY_MS, _EVERY_MS, _WALL_MS = 86_400_000, 300_000, 3_000


def imports(names, main):
    """Source that imports modules one after the other; says [name, bytes, free, traceback]."""
    return _IMPORTS.replace("{names}", repr(list(names))).replace("{main!r}", repr(main))


def day(config):
    """Source that lives a day of app.main; says [how it ended, free, samples, traceback]."""
    filled = {
        "{config}": repr(config), "{every_ms}": str(_EVERY_MS), "{day_ms}": str(_DAY_MS),
        "{wall_ms}": str(_WALL_MS),
    }  # fmt: skip
    source = _SOAK
    for name, value in filled.items():
        source = source.replace(name, value)
    return source


def growth(samples):
    """(bytes an hour, hours watched) where memory use grows all along, else (0, hours). Pure.

    `samples`: (seconds, bytes in use). The first quarter is for warming up; what follows
    grows if each of three parts needs more at its least than the one before at its least.
    """
    if len(samples) < 12:
        return 0, 0
    hours = (samples[-1][0] - samples[0][0]) / 3600
    rest = samples[len(samples) // 4 :]
    third = len(rest) // 3
    least = [min(used for _, used in rest[n * third : (n + 1) * third]) for n in range(3)]
    first, second = least[1] - least[0], least[2] - least[1]
    span = (rest[2 * third][0] - rest[0][0]) / 3600
    is_growing = first > 256 and second > 256 and second * 2 >= first and span > 0
    return (first + second) / span if is_growing else 0, hours
