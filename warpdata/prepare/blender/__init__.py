"""Generating multi-view data with Blender: where cameras stand, and pictures of it."""
