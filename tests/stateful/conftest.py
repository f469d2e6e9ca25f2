"""The device's own code in CPython, on a board that is its state alone."""
