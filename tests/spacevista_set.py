"""The tiny preview set that samples/make_spacevista.py makes, for tests."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "samples" / "make_spacevista.py"


def make_set(root: Path) -> Path:
    """Write the set into a folder."""
    spec = importlib.util.spec_from_file_location("make_spacevista", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.make(root)
    return root
