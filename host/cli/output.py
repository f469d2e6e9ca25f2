"""How results are printed: as columns for people, as JSON for programs."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

# All that steers a terminal or turns text around, but for line ends and tabs.
_CONTROLS = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def show(value: Any, is_json: bool, text: Callable[[Any], str]) -> None:
    """Print a value as JSON, or as the text made of it."""
    made = json.dumps(value, indent=2, ensure_ascii=False) if is_json else text(value)
    click.echo(plain(made))


def plain(text: str) -> str:
    """Text that shows control characters as JSON writes them: boards say what they like."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def columns(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows under their titles, each column as wide as its widest cell."""
    cells = [list(titles), *([_cell(c) for c in row] for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(titles))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def titles(names: Iterable[str]) -> list[str]:
    """Titles of fields of the API: `last_used_at` is LAST USED, `size_bytes` SIZE."""
    return [re.sub("_(at|bytes)$", "", name).replace("_", " ").upper() for name in names]


def table(names: Sequence[str], found: Iterable[dict[str, Any]]) -> str:
    """These fields of each object, a row each."""
    return columns(titles(names), [[one[name] for name in names] for one in found])


def fields(pairs: Iterable[tuple[str, Any]]) -> str:
    """Names and values, one pair a line."""
    shown = [(name, _cell(value)) for name, value in pairs]
    width = max(len(name) for name, _ in shown)
    return "\n".join(f"{name.ljust(width)}  {value}".rstrip() for name, value in shown)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).replace("\n", " ")
