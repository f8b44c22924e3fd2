"""Elevation and satellite images: from rasters of heights to numbered pairs of tiles, stage by stage."""
