"""The estimator `sfm`: cameras by structure from motion, dense depth by multi-view stereo, no network weights."""
