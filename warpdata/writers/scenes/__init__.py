"""Scenes as files: pictures, cameras and depth in the formats of reconstruction programs."""
