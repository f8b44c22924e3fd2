"""One file a command line; no logic of its own."""
