"""What a board must be able to do: each scenario says in a sentence what it saw, or raises."""

from collections.abc import Callable
from typing import Any, NamedTuple

from host.rig import networks, releases
from host.rig.board import ONLINE, Board
from host.rig.errors import ScenarioError, Skipped
from host.rig.impostor import Impostor

_STAGE_S, _TRIAL_S, _JOIN_S = 120, 120, 60
_MOMENT_S = 0.02  # into the staging, when some of it is written
_SPREAD = 8  # resets meet the board at so many different moments after its start
_SPREAD_S = 0.15
_UNABLE = ("no-ota", "no-rollback")  # words of boards that take no firmware over the air


class Scenario(NamedTuple):
    """A name for reports and selections, and what is played."""

    name: str
    play: Callable[[Board], str]


def boots(board: Board) -> str:
    """A board that is reset starts its runtime."""
    board.bring_to("online")
    board.reset()
    board.wait_until_started()
    return "started after a reset"


def joins_wifi(board: Board) -> str:
    """It finds its network and gets an address."""
    board.bring_to("online")
    board.reset()
    mark = board.wait_for("wifi: joined ", _JOIN_S)
    board.wait_for(ONLINE, _JOIN_S)
    return f"joined {board.console.since(mark).splitlines()[0].strip()}"


def registers(board: Board) -> str:
    """The host knows it, and whose it is."""
    board.bring_to("online")
    device = board.look()
    _expect("state", device["state"], "claimed")
    _expect("product", device["product"], board.site.product)
    return f"device {board.device} of {device['owner']}"


def app_update(board: Board) -> str:
    """It takes the candidate and keeps it."""
    board.bring_to("online")
    return _take(board, board.site.candidate.number)


def bad_app_rolls_back(board: Board) -> str:
    """It goes back from a release whose app raises, and says why."""
    board.bring_to("online")
    return _fail(board, board.site.offer(board.client, releases.bad()))


def firmware_update(board: Board) -> str:
    """It takes a firmware with its app and keeps both."""
    board.bring_to("online")
    image = _other_image(board)
    kind = releases.with_firmware(board.model, image)
    said = _take(board, board.site.offer(board.client, kind))
    _expect("firmware", board.status()["elf"], releases.elf(image, board.model))
    board.wait_for(ONLINE, _JOIN_S)
    return f"{said}; the new firmware runs"


def firmware_rolls_back(board: Board) -> str:
    """The firmware goes back together with an app that raises."""
    board.bring_to("online")
    before = board.status()["elf"]
    board.wait_for(ONLINE, _JOIN_S)
    image = _other_image(board)
    kind = releases.bad_with_firmware(board.model, image)
    said = _fail(board, board.site.offer(board.client, kind))
    _expect("firmware", board.status()["elf"], before)
    board.wait_for(ONLINE, _JOIN_S)
    return f"{said}; the old firmware runs"


def power_cut(board: Board) -> str:
    """Power goes while a release is staged and again on its trial: it ends as if it had not."""
    board.bring_to("online")
    number = board.site.offer(board.client, releases.with_noise())
    mark = board.console.mark
    board.assign(number)
    mark = board.wait_for("> stage", _STAGE_S, mark)
    board.parts.is_over.wait(board.patient(_MOMENT_S))
    was_staging = "stage success" not in board.console.since(mark)
    how = board.cut_power()
    board.wait_for(f"trial: release {number}", _STAGE_S)
    board.cut_power()
    report = board.end_of(number)
    _expect("outcome", report["outcome"], "done")
    board.wait_until_running(number)
    where = "while staging" if was_staging else "after staging"
    return f"release {number} committed after a {how} {where} and one on trial"


def wrong_certificate(board: Board) -> str:
    """It tells nothing to a server whose certificate is of another CA."""
    board.bring_to("online")
    table = board.site.table
    folder = board.site.folder / f"impostor-{board.name}"
    impostor = Impostor(folder, table.listen, table.address, board.client.profile.fleet)
    try:
        board.deploy(impostor.port, impostor.port)
        board.wait_for(": tls ", _JOIN_S)
    finally:
        impostor.close()
        board.deploy(board.site.port, board.site.mqtt_port)
    board.wait_for(ONLINE, _JOIN_S)
    _expect("times it was believed", impostor.believed, 0)
    return f"refused in {impostor.attempts} connections; online again with the right host"


def provisioning(board: Board) -> str:
    """Without a network it waits for one, takes it over the cable, and is online again."""
    board.bring_to("online")
    networks.forget(board)
    board.wait_for("provisioning: as ", _JOIN_S)
    address = networks.give(board)
    _expect("device in the address", f"device={board.device}" in address, True)
    board.wait_for(ONLINE, _JOIN_S)
    return "forgot its network and was given it over the cable; online again"


def resets_in_a_row(board: Board) -> str:
    """It survives resets at many moments, and runs the same release afterwards."""
    board.bring_to("online")
    number = board.look()["number"]
    count = board.parts.resets
    for n in range(count):
        board.reset()
        board.wait_until_started()
        board.parts.is_over.wait(n % _SPREAD * _SPREAD_S)
    how = board.cut_power()
    board.wait_for(ONLINE, _JOIN_S)
    board.wait_until_running(number)
    return f"{count} resets and a {how}: release {number} is online"


def _take(board: Board, number: int) -> str:
    board.assign(number)
    report = board.end_of(number)
    _skip_if_unable(report)
    if report["outcome"] != "done":
        raise ScenarioError(report["reason"] or "not-done", _story(number, report))
    board.wait_until_running(number)
    return f"release {number} committed, {report['bytes']['fetched']} bytes fetched"


def _fail(board: Board, number: int) -> str:
    before = board.look()["number"]
    board.assign(number)
    report = board.end_of(number)
    _skip_if_unable(report)
    if report["outcome"] != "failed" or report["reason"] != "app-raised":
        detail = f"it was to fail as app-raised; {_story(number, report)}"
        raise ScenarioError("not-rolled-back", detail)
    board.wait_until_running(before)
    return f"release {number} failed as app-raised, release {before} is online again"


def _other_image(board: Board) -> bytes:
    """A firmware that does not run."""
    if not board.parts.images:
        raise Skipped(f"{board.name} has no `firmware` in the rig file: two .app-bin images")
    runs = board.status()["elf"]
    board.wait_for(ONLINE, _JOIN_S)
    for image in board.parts.images:
        if releases.elf(image, board.model) != runs:
            return image
    raise Skipped(f"{board.name} runs the only `firmware` of the rig file: name a second one")


def _skip_if_unable(report: dict[str, Any]) -> None:
    if report["outcome"] == "refused" and report["reason"] in _UNABLE:
        raise Skipped(f"{report['reason']}: {report['detail']}")


def _story(number: int, report: dict[str, Any]) -> str:
    said = report["traceback"] or report["detail"] or "no more was said"
    return f"release {number} {report['outcome']} as {report['reason']}: {said.strip()}"


def _expect(what: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        raise ScenarioError("unexpected", f"{what} is {found!r}, not {wanted!r}")


ALL = (
    Scenario("boots", boots),
    Scenario("joins-wifi", joins_wifi),
    Scenario("registers", registers),
    Scenario("app-update", app_update),
    Scenario("bad-app", bad_app_rolls_back),
    Scenario("firmware-update", firmware_update),
    Scenario("firmware-rollback", firmware_rolls_back),
    Scenario("power-cut", power_cut),
    Scenario("wrong-certificate", wrong_certificate),
    Scenario("provisioning", provisioning),
    Scenario("resets", resets_in_a_row),
)
