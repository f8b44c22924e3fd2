"""Pre-flight checks of data sets; `warpdata.check` runs them."""
