"""What any network needs to become an estimator: windows, known poses, weights, the hub."""
