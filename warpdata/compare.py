"""`python -m warpdata.compare`: the same as `warpdata compare`, one scene by several estimators."""

import sys

from warpdata.programs.compare import main

if __name__ == "__main__":
    sys.exit(main())
