"""`python -m warpdata.check`: the same as `warpdata check`, finds what trainers would swallow in silence."""

import sys

from warpdata.programs.check import main

if __name__ == "__main__":
    sys.exit(main())
