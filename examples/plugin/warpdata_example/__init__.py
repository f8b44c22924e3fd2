"""Rows for the tables of warpdata, from a package of its own."""
