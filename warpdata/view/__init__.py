"""Looking at what was made: the report page, and the viewer in a browser; of the data only marks are written."""
