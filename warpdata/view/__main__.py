"""`python -m warpdata.view PATH...`: the same as `warpdata view`."""

import sys

from warpdata.programs.view import main

if __name__ == "__main__":
    sys.exit(main())
