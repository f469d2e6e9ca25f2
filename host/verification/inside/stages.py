"""What a release is put through on virtual boards, check by check; each yields findings."""

import json
import re

from host.builder.errors import ToolError
from host.verification.finding import FAIL, PASS, WARN, Finding
from host.verification.inside import soak, variants
from host.verification.inside.boards import TrialError, log_of, story

_MARKED = re.compile("\x02(.*?)\x03", re.DOTALL)
_SOON_DAYS = 60  # a leak that takes longer than this is a warning
_MAIN = "app.main"


def imports(bench, case, tell):
    """Every module, on a board with the release in its slot; then a day of its application."""
    release = case.candidate
    with bench.unit("imports", [release]) as unit:
        unit.deploy(release, wait_s=0)
        with unit.prompt() as prompt:
            tell("importing its modules")
            yield _imports(prompt, unit, release)
            tell("living a day of its application")
            yield _day(prompt, unit)


def _imports(prompt, unit, release):
    title = "Imports in a board's heap"
    names = _modules(release)
    try:
        said = prompt.run(soak.imports(names, _MAIN))
    except ToolError as error:
        sentence = f"Importing its modules did not come to an end: {error}."
        return Finding("imports", FAIL, title, sentence, unit.log)
    found = [json.loads(one) for one in _MARKED.findall(said)]
    raised = {name: text for name, _, _, text in found if text}
    if _MAIN in raised or "device.run" in raised:
        name = next(one for one in ("device.run", _MAIN) if one in raised)
        sentence = f"A board cannot import {name}: {_last(raised[name])}."
        return Finding("imports", FAIL, title, sentence, raised[name])
    free = min((free for _, _, free, _ in found), default=0)
    if raised:
        sentence = f"{', '.join(sorted(raised))} cannot be imported by itself; the rest can."
        return Finding("imports", WARN, title, sentence, "\n".join(raised.values()))
    sentence = f"{len(found)} modules; {free // 1024} kB of the heap stay free at the least."
    return Finding("imports", PASS, title, sentence)


def _modules(release):
    """Modules by their names: the runtime's first one, the application's, then all others."""
    paths = [path for path, _, _ in release.files if path.endswith((".mpy", ".py"))]
    names = [path.rsplit(".", 1)[0].removeprefix("lib/").replace("/", ".") for path in paths]
    names = [name.removesuffix(".__init__") for name in names if not name.startswith("device.")]
    return ["device.run", _MAIN, *sorted(set(names) - {_MAIN})]


def _day(prompt, unit):
    title = "A day of running"
    try:
        said = prompt.run(soak.day({}))
        end, free, flat, text = json.loads(_MARKED.findall(said)[-1])
    except (ToolError, IndexError, ValueError) as error:
        sentence = (
            "Its main() held the loop: nothing else ran beside it. On a board the watchdog ends "
            f"that ({error or 'no answer'})."
        )
        return Finding("imports", WARN, title, sentence, unit.log)
    samples = list(zip(flat[::2], flat[1::2], strict=True))
    rate, hours = soak.growth(samples)
    if end == "memory" and not rate:
        sentence = f"It ran out of memory after {hours:.1f} hours. {_last(text)}"
        return Finding("imports", FAIL, title, sentence, text)
    if rate:
        left = free / rate
        level = FAIL if left < 24 * _SOON_DAYS else WARN
        sentence = (
            f"It leaks memory: what it keeps grows by {rate / 1024:.1f} kB an hour, for "
            f"{hours:.0f} simulated hours without end. {free // 1024} kB are left, so it runs "
            f"out of memory after {_span(left)}."
        )
        log = "\n".join(f"{s / 3600:6.1f} h {used:8} bytes" for s, used in samples[::8])
        return Finding("imports", level, "It leaks memory", sentence, log)
    if end in ("thread", "reset", "sleep", "raised", "done"):
        why = {"raised": f"it raised {_last(text)}", "done": "main() returned"}
        sentence = f"Not watched for long: {why.get(end, f'it uses board.{end}()')}."
        return Finding("imports", PASS, title, sentence, text)
    sentence = f"{hours:.0f} simulated hours, no leak; {free // 1024} kB of the heap stay free."
    return Finding("imports", PASS, title, sentence)


def boots(bench, case, tell):
    """A board with its runtime and an idle application takes it, tries it and keeps it."""
    release = case.candidate
    before = variants.idle(release, release.number - 1) if release.number > 1 else None
    title = "Boots and is healthy"
    with bench.unit("boots", [release, *([before] if before else [])]) as unit:
        try:
            tell("setting a board up")
            unit.deploy(before)
            tell("trying it on a board")
            report = unit.update(release)
            if report["outcome"] != "done":
                yield unwell("boots", title, "a fresh board", report, unit)
                return
            unit.wait_until_running(release.number)
            unit.dwell()
            tell("starting it again")
            unit.start()
            unit.wait_until_running(release.number)
        except TrialError as error:
            sentence = f"A board with it does not get there: {error.sentence}."
            yield Finding("boots", FAIL, title, sentence, error.log)
            return
        bench.figures = {**measured(unit), "peak": (report.get("heap") or {}).get("peak_used")}
        bench.trial_s = 12  # it was well within the longer time; what follows is many times
        yield Finding("boots", PASS, title, "A board tried it, kept it, and starts with it.")
    if release.images:
        sentence = (
            "The image itself ran nowhere: that takes an ESP32 in an emulator, or boards on a "
            "rig (mpfleet rig run --hand-in). What was tried is how it is written and started."
        )
        yield Finding("boots", WARN, "Firmware not run", sentence)


def measured(unit):
    """Heap and start of a board, as it said and as it took."""
    said = re.findall(r"heap: free (\d+) used (\d+)", unit.board.console_text)
    free, used = map(int, said[-1]) if said else (None, None)
    return {"free": free, "used": used, "boot_s": unit.boot_s}


def unwell(check, title, where, report, unit):
    """The finding about an update that a board did not keep."""
    word = report.get("reason") or report.get("outcome")
    why = _WORDS.get(word, "it did not keep it")
    sentence = f"On {where} {why} ({story(report)}). The board went back to what it ran before."
    return Finding(check, FAIL, title, sentence, log_of(report, unit))


_WORDS = {
    "app-raised": "its application raised at its start",
    "unhealthy": "its health() said no until the time was over",
    "watchdog": "it held the loop until the watchdog ended it: does health() or main() block?",
    "start-failed": "the runtime did not start with it",
    "not-committed": "it was started again and again without a word",
    "no-contact": "it reached neither WiFi nor the host any more",
    "lost-contact": "it lost contact: WiFi or the host, which the release before reached at once",
    "out-of-memory": "memory ran out",
    "no-space": "it found no room on the flash",
}


def _last(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def _span(hours):
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"


def figures(bench, case, tell):
    """What it costs, beside the release before."""
    title, now, before = "Heap and boot time", bench.figures, bench.figures_before
    if not now or now["used"] is None:
        yield Finding("figures", WARN, title, "Not measured: the board said nothing of its heap.")
        return
    sentence = f"{now['used'] // 1024} kB of heap in use online, {now['boot_s']:.1f} s to start"
    if now.get("peak"):
        sentence += f", {now['peak'] // 1024} kB at the peak of an update"
    if not before or before["used"] is None:
        yield Finding("figures", PASS, title, f"{sentence}; nothing before it to compare with.")
        return
    more = now["used"] - before["used"]
    sentence += f"; {abs(more) // 1024} kB {'more' if more > 0 else 'less'} than the one before"
    slower = now["boot_s"] - before["boot_s"]
    is_worse = more > max(8192, before["used"] // 5) or slower > max(1.0, before["boot_s"])
    level = WARN if is_worse else PASS
    yield Finding("figures", level, title, f"{sentence}, which took {before['boot_s']:.1f} s.")
