"""Triplets and scenes as files, in the layouts that trainers read."""
