"""`python -m simulators`: runs a simulated plant, or prints its address map."""

from __future__ import annotations

import sys

from simulators.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
