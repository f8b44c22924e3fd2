"""Elevation tiles with satellite images as scenes: a textured surface seen by virtual cameras, with exact depth."""
