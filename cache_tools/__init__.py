"""Care of geometry caches that exist: show, verify, prune, warm."""
