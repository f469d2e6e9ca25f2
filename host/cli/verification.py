"""`mpfleet release verify` and `waive`: watch the gate try a release, and answer for a finding."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from host.cli import output
from host.cli.approve import only_product
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client

_LOOK_S = 0.5
_MARKS = {"pass": "✓", "warn": "!", "fail": "✗"}
_LOG_LINES = 12


@click.command()
@click.argument("number", type=int)
@click.option("--product", help="Product of the release. [default: the only one]")
@click.option("--retry", is_flag=True, help="Try it anew first.")
@click.option("--no-wait", is_flag=True, help="Say how far it is, and do not wait for its end.")
@output.as_json
@signed_in
def verify(
    client: Client, number: int, product: str | None, retry: bool, no_wait: bool, as_json: bool
) -> None:
    """Watch a release being tried, and show what was found.

    Exit status: 0 verified (or approved), 1 rejected. Ctrl-C ends the watching only.

    \b
    Examples:
      mpfleet release verify 4 --product blink
      mpfleet release verify 4 --retry --json
    """
    product = product or only_product(client)
    if retry:
        client.send("POST", f"/releases/{product}/{number}/verification")
    found = read(client, product, number) if no_wait else follow(client, product, number, as_json)
    output.show(found, as_json, text)
    end(found)


@click.command()
@click.argument("number", type=int)
@click.argument("finding", type=int)
@click.option("--product", help="Product of the release. [default: the only one]")
@click.option("--reason", required=True, help="Why it may ship all the same; on the record.")
@output.as_json
@signed_in
def waive(
    client: Client, number: int, finding: int, product: str | None, reason: str, as_json: bool
) -> None:
    """Answer for a failed finding, as an admin: the release may be approved all the same.

    FINDING is its number, as mpfleet release verify shows it.

    \b
    Example:
      mpfleet release waive 4 17 --product blink --reason "the sensor is away in simulation"
    """
    product = product or only_product(client)
    where = f"/releases/{product}/{number}/findings/{finding}/waive"
    output.show(client.send("POST", where, {"reason": reason}), as_json, text)


def read(client: Client, product: str, number: int) -> dict[str, Any]:
    """How far the gate is, and what it found."""
    return client.get(f"/releases/{product}/{number}/verification")


def follow(client: Client, product: str, number: int, is_quiet: bool = False) -> dict[str, Any]:
    """The same at its end; says on standard error meanwhile how far it is."""
    say = (lambda _: None) if is_quiet else _teller()
    while (found := read(client, product, number))["state"] == "verifying":
        say(progress(found["job"]))
        time.sleep(_LOOK_S)
    say("")
    return found


def end(found: dict[str, Any]) -> None:
    """Exit with status 1 where the release was rejected."""
    if found["state"] == "rejected":
        click.get_current_context().exit(1)


def progress(job: dict[str, Any]) -> str:
    """How far a job is, in a line."""
    if job["state"] == "waiting":
        return "waits for a worker of the host"
    detail = f": {job['detail']}" if job["detail"] else ""
    return f"{job['step']} of {job['steps']} {job['check']}{detail}"


def text(found: dict[str, Any]) -> str:
    """The findings for people, the release's state below."""
    lines = [line for one in found["findings"] for line in _lines(one)]
    head = f"release {found['number']} of {found['product']} is {found['state']}"
    if found["state"] == "verifying":
        return "\n".join([*lines, f"{head}: {progress(found['job'])}"])
    hint = _NEXT.get(found["state"], "").format(**found)
    return "\n".join([*lines, head + hint])


_NEXT = {
    "verified": ": mpfleet approve {number} --product {product}",
    "rejected": ": mend it and upload it under another number, or have an admin waive what failed "
    "(mpfleet release waive {number} FINDING --product {product} --reason …)",
}


def summary(found: dict[str, Any]) -> list[str]:
    """What an approver should see of it before signing: all but what passed."""
    shown = [one for one in found["findings"] if one["level"] != "pass"]
    passed = len(found["findings"]) - len(shown)
    return [f"  {passed} checks passed", *(line for one in shown for line in _lines(one, 0))]


def _lines(one: dict[str, Any], log_lines: int = _LOG_LINES) -> list[str]:
    mark = _MARKS[one["level"]]
    number = f" [{one['id']}]" if one["level"] == "fail" else ""
    source = "" if one["source"] == "gate" else f" ({one['source']})"
    lines = [f"{mark} {one['title']}{number}{source}", f"    {one['sentence']}"]
    if one["waived"]:
        lines.append(f"    waived by {one['waived']['by']}: {one['waived']['reason']}")
    elif one["level"] == "fail" and log_lines:
        lines += [f"    | {line}" for line in one["log"].splitlines()[-log_lines:]]
    return lines


def _teller() -> Callable[[str], None]:
    """Prints a line in place on a terminal, elsewhere each new check once."""
    is_terminal, last = sys.stderr.isatty(), ""

    def say(line: str) -> None:
        nonlocal last
        line = output.plain(line)
        if is_terminal:
            click.echo(f"\r\x1b[K{line[:100]}", nl=False, err=True)
        elif line and line.split(":")[0] != last:
            last = line.split(":")[0]
            click.echo(line, err=True)

    return say
