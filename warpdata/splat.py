"""`python -m warpdata.splat`: the same as `warpdata splat`, splats of a camera path to a video or frames."""

import sys

from warpdata.programs.splat import main

if __name__ == "__main__":
    sys.exit(main())
