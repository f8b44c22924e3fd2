"""`python -m warpdata.report`: the same as `warpdata report`, makes the page of an existing output."""

import sys

from warpdata.programs.report import main

if __name__ == "__main__":
    sys.exit(main())
