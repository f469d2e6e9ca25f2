"""`python -m host.cli`: the command line where no `mpfleet` is on PATH."""

from host.cli.root import main

main(prog_name="mpfleet")
