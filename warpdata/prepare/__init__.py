"""Raw downloads to folders that sources read: one file or folder a pipeline, and no command line."""
