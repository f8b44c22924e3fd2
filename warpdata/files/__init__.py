"""Files on disk, whatever is in them: whole-or-absent writes, locks, digests, bounded JSON, paths that stay inside,
child processes with a time limit. Each of these once; knows nothing of pictures, scenes or triplets."""
