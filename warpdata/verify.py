"""`python -m warpdata.verify`: the same as `warpdata verify`, every file of an export against its digest."""

import sys

from warpdata.programs.verify import main

if __name__ == "__main__":
    sys.exit(main())
