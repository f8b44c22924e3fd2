"""Videos as scenes: which frames are taken, and the folder of pictures that they become."""
