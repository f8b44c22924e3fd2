"""SpaceVista's bundle unpacked, its items checked and drawn."""
