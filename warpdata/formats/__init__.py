"""File formats, one file each, reading and writing together; knows no scene, no network and no triplet."""
