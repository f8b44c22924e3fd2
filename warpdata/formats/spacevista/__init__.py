"""SpaceVista's question-answer data: items in their three forms, the marks in them, and how these are drawn."""
