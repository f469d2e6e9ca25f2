"""`python -m host.builder --size`: what the runtime costs on a board, module by module."""

import argparse

from host.builder import ledger, release, runtime


def main() -> None:
    """Print the ledger."""
    parser = argparse.ArgumentParser(prog="python -m host.builder", description=__doc__)
    parser.add_argument("--size", action="store_true", required=True, help="print the ledger")
    parser.parse_args()
    table = ledger.of(release.golden(), runtime.starters())
    print("\n".join(ledger.lines(table)))  # noqa: T201


if __name__ == "__main__":
    main()
