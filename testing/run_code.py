"""Runs the Python that its first argument is, as a step's stand-in: `python -m testing.run_code CODE`."""

import sys

if __name__ == "__main__":
    exec(sys.argv[1])
