"""MegaDepth and what is made of it with renders of Google Earth: four layouts of files as scenes."""
