"""`python -m host.builder --size`: what the runtime costs on a board, module by module."""

import argparse

from host.builder import release, runtime, sizes


def main() -> None:
    """Print the ledger."""
    parser = argparse.ArgumentParser(prog="python -m host.builder", description=__doc__)
    parser.add_argument("--size", action="store_true", help="bytes and blocks of each module")
    parser.parse_args()
    print("\n".join(ledger(release.golden(), runtime.starters())))  # noqa: T201


def ledger(golden: dict[str, bytes], starters: dict[str, bytes]) -> list[str]:
    """Lines of a table: bytes and blocks of each file, and the sum."""
    files = {path: len(content) for path, content in {**starters, **golden}.items()}
    lines = [f"{'bytes':>8} {'blocks':>6}  file"]
    for path, size in files.items():
        lines.append(f"{size:8} {sizes.file_blocks(size):6}  {path}")
    inside = sizes.cost({p.removeprefix("device/"): len(c) for p, c in golden.items()})
    lines.append(f"{inside.bytes:8} {inside.blocks:6}  device/ with its folders")
    return lines


if __name__ == "__main__":
    main()
