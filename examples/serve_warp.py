"""Serve the warp at inference: a picture with its depth stays in memory, and each request names a camera.

    python examples/serve_warp.py samples/room --view 004 --port 8000
    curl -o splat.png -d '{"transform_matrix": [[1,0,0,0], [0,1,0,0], [0,0,1,0], [0,0,0,1]]}' http://127.0.0.1:8000/

Poses are camera to world in OpenGL axes, as transforms.json has them. The answer is the splat as PNG: what a model was
trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch

from warpdata.camera import Camera, invert_rigid
from warpdata.config import SourceOptions
from warpdata.formats.jpeg_png import encode_picture
from warpdata.geometry.given import GivenEstimator
from warpdata.render import warp
from warpdata.sources import open_source

MAX_BODY_BYTES = 10_000
OPENCV_FROM_OPENGL = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))


class Splatter:
    """The splats of one view of a scene that ships cameras and depth."""

    def __init__(self, scene_folder: Path, view: str):
        source = open_source(SourceOptions(input_dir=scene_folder))
        scene = source.scene(source.scene_ids()[0])
        frame = next(frame for frame in GivenEstimator()(scene) if frame.name == view)
        picture = next(one.picture for one in scene.views if one.name == view)
        self.image, self.depth, self.camera = picture.load(), frame.depth, frame.image_camera

    def seen_from(self, transform_matrix: list[list[float]]) -> bytes:
        """PNG of the splat from a pose, with the view's own intrinsics and size."""
        pose = torch.tensor(transform_matrix, dtype=torch.float64)
        if pose.shape != (4, 4) or not pose.isfinite().all():
            raise ValueError("transform_matrix has to be 4 x 4 finite numbers")
        target: Camera = replace(self.camera, cam_from_world=invert_rigid(pose @ OPENCV_FROM_OPENGL))
        return encode_picture(warp(self.image, self.depth, self.camera, target).rgb, "png")


def make_server(splatter: Splatter, port: int) -> ThreadingHTTPServer:
    """A server on this machine alone; port 0 takes a free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            try:
                length = min(int(self.headers.get("content-length", 0)), MAX_BODY_BYTES)
                asked = json.loads(self.rfile.read(length))
                status, kind, body = 200, "image/png", splatter.seen_from(asked["transform_matrix"])
            except (ValueError, KeyError, TypeError) as error:
                status, kind, body = 400, "text/plain", f"cannot be rendered: {error}\n".encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--view", default="000")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    with make_server(Splatter(options.scene, options.view), options.port) as server:
        print(f"serving {options.scene}/{options.view} at http://127.0.0.1:{server.server_address[1]}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
