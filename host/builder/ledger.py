"""The ledger of the runtime's size on a board, module by module."""

from collections.abc import Mapping
from typing import Any

from host.builder import sizes


def of(golden: Mapping[str, bytes], starters: Mapping[str, bytes]) -> dict[str, Any]:
    """Bytes and blocks of each file, and of /device with its folders."""
    files = {path: len(content) for path, content in {**starters, **golden}.items()}
    inside = sizes.cost({p.removeprefix("device/"): len(c) for p, c in golden.items()})
    return {
        "files": [
            {"path": p, "bytes": n, "blocks": sizes.file_blocks(n)} for p, n in files.items()
        ],
        "device_bytes": inside.bytes,
        "device_blocks": inside.blocks,
    }


def lines(ledger: Mapping[str, Any]) -> list[str]:
    """The ledger as a table."""
    rows = [(f["bytes"], f["blocks"], f["path"]) for f in ledger["files"]]
    rows.append((ledger["device_bytes"], ledger["device_blocks"], "device/ with its folders"))
    return [f"{'bytes':>8} {'blocks':>6}  file", *(f"{b:8} {n:6}  {p}" for b, n, p in rows)]
