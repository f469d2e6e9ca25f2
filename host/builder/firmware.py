"""The firmware part of a release: an image file for each board model."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from host.builder.errors import BuildError
from host.verification import image


def read(given: Iterable[str], boards: Sequence[str]) -> dict[str, bytes]:
    """Images by board model; each of `given` is [MODEL=]FILE.

    Raises:
        BuildError: what is wrong with one, and where.
    """
    found: dict[str, bytes] = {}
    for text in given:
        model, file = _split(text, boards)
        if model not in boards:
            detail = f"the release is for {', '.join(boards)}, not for {model}"
            raise BuildError("wrong-board", text, detail)
        if model in found:
            raise BuildError("duplicate-path", text, f"there is another image for {model}")
        found[model] = _content(file, model)
    return found


def part(images: dict[str, bytes], digest: Any) -> dict[str, dict[str, Any]]:
    """`parts.firmware` of a manifest (SPEC section 5)."""
    return {
        model: {
            "size": len(content),
            "sha256": digest(content),
            "elf": image.read(content, model).elf,
        }
        for model, content in images.items()
    }


def _split(text: str, boards: Sequence[str]) -> tuple[str, Path]:
    model, separator, file = text.partition("=")
    if separator:
        return model, Path(file)
    if len(boards) > 1:
        detail = f"say for which board: {boards[0]}={text}"
        raise BuildError("wrong-board", text, detail)
    return boards[0], Path(text)


def _content(file: Path, model: str) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BuildError("no-file", str(file), error.strerror or str(error)) from error
    try:
        image.read(content, model)
    except image.ImageError as error:
        raise BuildError(error.code, str(file), error.detail) from error
    return content
