"""Copy the sample's pictures, without its cameras and depth, into a folder of scenes.

python samples/copy_photos.py OUTPUT_DIR
"""

import argparse
import shutil
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="folder in which the scene `room` is made")
    scene = parser.parse_args().output / "room"
    scene.mkdir(parents=True, exist_ok=True)
    for image in sorted((Path(__file__).parent / "room" / "images").iterdir()):
        shutil.copyfile(image, scene / image.name)


if __name__ == "__main__":
    main()
