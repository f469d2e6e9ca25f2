"""Updates from every release and every golden copy in the field, and back."""

from concurrent.futures import ThreadPoolExecutor

from littlefs import LittleFS

from host.verification.finding import FAIL, PASS, Finding
from host.verification.inside import stages, variants
from host.verification.inside.boards import TrialError, log_of, story
from simulator import partitions
from simulator.flash import SECTOR

NAME, _TITLE = "updates", "Updates, and back"
_AT_A_TIME = 3
_VFS = next(one for one in partitions.LAYOUT if one.label == "vfs")
_PLACE = slice(_VFS.offset, _VFS.offset + _VFS.size)
_SETUP = "/device/setup.mpy"  # of golden only


def check(bench, case, tell):
    """Each start on a board of its own: to the candidate, started again, and back."""
    starts = [(f"release {one.number}", one, None) for one in case.field]
    starts += [("a board that runs golden alone", None, None)]
    starts += [
        (f"golden as of release {one.number}", None, one) for one in _other_runtimes(bench, case)
    ]
    if not case.field:
        starts.append(("an idle release", variants.idle(case.candidate, 1), None))
    if case.candidate.number == 1:
        starts = [one for one in starts if one[1] is None]
    done = []

    def one(start):
        found = list(_from(bench, case, *start))
        done.append(start[0])
        tell(f"{len(done)} of {len(starts)} starting points")
        return found

    tell(f"0 of {len(starts)} starting points")
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        found = [finding for made in pool.map(one, starts) for finding in made]
    if not any(finding.level == FAIL for finding in found):
        named = ", ".join(name for name, _, _ in starts)
        sentence = f"Boards took it and went back to what they had: from {named}."
        found.append(Finding(NAME, PASS, _TITLE, sentence))
    yield from found


def _other_runtimes(bench, case):
    """Releases in the field whose runtime is another than this host's golden copy, one of each."""
    known, found = {case.candidate.runtime}, []
    for one in case.field:
        if one.runtime not in known:
            known.add(one.runtime)
            found.append(one)
    return found


def _from(bench, case, name, before, golden):
    release = case.candidate
    back = variants.numbered(before or variants.idle(release, 1), release.number + 1)
    known = [one for one in (before, release, back) if one]
    try:
        flash = _with_golden(bench, known, golden) if golden else None
        with bench.unit("update", known, flash) as unit:
            yield from _walk(bench, case, name, before, back, unit, is_set_up=flash is not None)
    except TrialError as error:
        sentence = f"From {name}: {error.sentence}."
        yield Finding(NAME, FAIL, f"Updated from {name}", sentence, error.log)


def _walk(bench, case, name, before, back, unit, is_set_up):
    release, title = case.candidate, f"Updated from {name}"
    if is_set_up:
        unit.start()
    else:
        unit.deploy(before)
    if before is not None and before is case.before:
        unit.start()
        bench.figures_before = stages.measured(unit)
    report = unit.update(release)
    if report["outcome"] != "done":
        yield stages.unwell(NAME, title, name, report, unit)
        return
    unit.wait_until_running(release.number)
    unit.dwell()
    try:
        unit.start()
        unit.wait_until_running(release.number)
    except TrialError as error:
        sentence = (
            f"Updated from {name} a board kept it, and does not come back after a power cut: "
            f"{error.sentence}. Such boards would be lost."
        )
        yield Finding(NAME, FAIL, f"Bricks a board with {name}", sentence, error.log)
        return
    report = unit.update(back)
    if report["outcome"] != "done":
        sentence = (
            f"Once on it, a board with {name} before does not go back to that: "
            f"{story(report)}. Nobody could replace it any more."
        )
        log = log_of(report, unit)
        yield Finding(NAME, FAIL, f"No way back to {name}", sentence, log)
        return
    unit.wait_until_running(back.number)


def _with_golden(bench, known, golden):
    """The flash of a board without a release, whose golden copy is the runtime of another one."""
    with bench.unit("golden", known) as unit:
        unit.deploy(None)
        unit.board.power_off()
        flash = bytearray((unit.board.folder / "flash.bin").read_bytes())
    files = LittleFS(block_size=SECTOR, block_count=_VFS.size // SECTOR, mount=False)
    files.context.buffer = flash[_PLACE]
    files.mount()
    wanted = {f"/{p}": name for p, _, name in golden.files if p.startswith("device/")}
    for folder, _, names in list(files.walk("/device")):
        for name in names:
            path = f"{folder}/{name}"
            if path not in wanted and path != _SETUP:
                files.remove(path)
    for path, name in wanted.items():
        files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        with files.open(path, "wb") as file:
            file.write(golden.read(name))
    files.unmount()
    flash[_PLACE] = files.context.buffer
    return bytes(flash)
