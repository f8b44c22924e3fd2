"""Similarity transforms, and depth on other pixel grids."""
