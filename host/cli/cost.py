"""What a release costs a board, against the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from host.cli import output

if TYPE_CHECKING:
    from host.builder.release import Release


def of(made: Release) -> dict[str, Any]:
    """Bytes and blocks of a release and of each of its files."""
    from host.builder import sizes

    cost = sizes.cost({path: size for path, size, _ in made.files})
    return {
        "product": made.product,
        "number": made.number,
        "version": made.value["version"],
        "files": [
            {"path": p, "bytes": n, "blocks": sizes.file_blocks(n)} for p, n, _ in made.files
        ],
        "images": [{"board": m, "bytes": one["size"]} for m, one in made.images.items()],
        "bytes": cost.bytes,
        "blocks": cost.blocks,
        "bytes_budget": sizes.BYTES_BUDGET,
        "blocks_budget": sizes.BLOCKS_BUDGET,
    }


def text(shown: dict[str, Any]) -> str:
    """The same as a table."""
    rows = [(f["path"], f["bytes"], f["blocks"]) for f in shown["files"]]
    table = output.columns(("FILE", "BYTES", "BLOCKS"), rows)
    images = "".join(f", firmware of {i['bytes']} for {i['board']}" for i in shown["images"])
    over = shown["bytes"] > shown["bytes_budget"] or shown["blocks"] > shown["blocks_budget"]
    where = f", in {shown['file']}" if shown["file"] else ""
    return (
        f"{table}\n{shown['product']} {shown['number']}: {shown['bytes']} of "
        f"{shown['bytes_budget']} bytes, {shown['blocks']} of {shown['blocks_budget']} blocks"
        f"{' (over budget)' if over else ''}{images}{where}"
        f"{', uploaded' if shown['uploaded'] else ''}"
    )
