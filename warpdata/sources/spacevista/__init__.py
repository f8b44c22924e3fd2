"""Frames of SpaceVista as scenes: which there are, where their files lie, and what else is known of them."""
