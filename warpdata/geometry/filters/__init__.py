"""What is taken from, or said about, any estimator's frames as they pass."""
