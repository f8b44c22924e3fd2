"""`python -m warpdata.export`: the same as `warpdata export`, an existing triplet folder in another layout."""

import sys

from warpdata.programs.export import main

if __name__ == "__main__":
    sys.exit(main())
