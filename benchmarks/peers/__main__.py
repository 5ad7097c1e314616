"""`python -m benchmarks.peers`."""

import sys

from benchmarks.peers.app import main

sys.exit(main())
