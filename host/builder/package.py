"""package.json: what MicroPython's `mip` brings onto a board, as `make package` writes it."""

import json
from pathlib import Path

from host.builder import runtime

NAME = "package.json"


def content(root: Path = runtime.ROOT) -> str:
    """The file's text. Sources, for a repository holds nothing compiled; boot.py comes last."""
    paths = [*runtime.sources(root), *runtime.starters(root)]
    rows = ",\n".join(f"    {json.dumps([path, path])}" for path in paths)
    return f'{{\n  "urls": [\n{rows}\n  ]\n}}\n'


if __name__ == "__main__":
    (runtime.ROOT / NAME).write_text(content())
