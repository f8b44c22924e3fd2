"""`python -m warpdata.materialize`: the same as `warpdata materialize`, scenes in, triplets on disk out."""

import sys

from warpdata.programs.materialize import main

if __name__ == "__main__":
    sys.exit(main())
