"""The picture at the top of the README: splat, reference and target of one sample, side by side.

python -m warpdata.materialize --input-dir samples --output-dir demo/given
python docs/make_triplet_picture.py demo/given room/005 docs/triplet.jpg
"""

import argparse
from pathlib import Path

from PIL import Image

GAP = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output_dir", type=Path, help="a folder made by warpdata.materialize")
    parser.add_argument("sample", help="<scene>/<name>")
    parser.add_argument("picture", type=Path, help="file to write")
    arguments = parser.parse_args()
    paths = [arguments.output_dir / f"{arguments.sample}_{role}.jpg" for role in ("splats", "reference", "target")]
    images = [Image.open(path) for path in paths]
    width, height = images[0].size
    sheet = Image.new("RGB", (3 * width + 2 * GAP, height), "white")
    for place, image in enumerate(images):
        sheet.paste(image, (place * (width + GAP), 0))
    sheet.thumbnail((1280, 1280))
    sheet.save(arguments.picture, quality=88, optimize=True)


if __name__ == "__main__":
    main()
