"""`python -m warpdata <program>`: the same as the command `warpdata`."""

import sys

from warpdata.programs.main import main

if __name__ == "__main__":
    sys.exit(main())
