"""`python -m warpdata.prepare PIPELINE`: the same as `warpdata prepare`."""

import sys

from warpdata.programs.prepare import main

if __name__ == "__main__":
    sys.exit(main())
