"""The option that names a host's data folder, for commands that run on the host itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def option(text: str = "Folder of the host.") -> Callable[[Any], Any]:
    """`--data`, with `text` in its help."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("data"),
        envvar="MPFLEET_DATA_FOLDER",
        show_default=True,
        help=text,
    )
