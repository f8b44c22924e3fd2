"""What the drivers of foreign packages share: jobs in, files out. Imports neither warpdata nor anything beyond numpy.

A driver gives `describe(job)`, which imports nothing large, and `estimate(job)`; `serve` does the rest. See
docs/estimators.md for the jobs.
"""

import contextlib
import hashlib
import json
import os
import sys
import traceback
from pathlib import Path

PROTOCOL = 1


def serve(describe, estimate):
    """Carry out the jobs whose paths come on standard input, until it ends.

    Args:
        describe: job -> what the program is, as a dictionary.
        estimate: job -> named float32 arrays: depth [n, h, w], K [n, 3, 3], and, where it has them, confidence
            [n, h, w] and cam_from_world [n, 4, 4].
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what packages print goes with the errors, and cannot be taken for an answer
    sys.stdout = sys.stderr

    def answer(*words):
        print("warpdata:", *words, file=answers, flush=True)

    for line in sys.stdin:
        try:
            job = json.loads(Path(line.strip()).read_text(encoding="utf-8"))
            if job["protocol"] != PROTOCOL:
                raise ValueError(f"this driver speaks protocol {PROTOCOL}, the job {job['protocol']}")
            result = Path(job["result"])
            if job["task"] == "describe":
                content = {"protocol": PROTOCOL, **describe(job)}
                write_whole(result, json.dumps(content).encode())
            else:
                answer("progress", 0, len(job["pictures"]))
                write_whole(result, safetensors_bytes(estimate(job)))
                answer("progress", len(job["pictures"]), len(job["pictures"]))
        except Exception as error:  # whatever a package raises is this job's failure, and not the end of the run
            traceback.print_exc()
            answer("failed", f"{type(error).__name__}: {error}".replace("\n", " ")[:2000])
        else:
            answer("done")


def write_whole(path, content):
    unfinished = path.with_suffix(".tmp")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def safetensors_bytes(arrays):
    """Arrays as a safetensors file: a JSON header, then their bytes one after the other."""
    import numpy as np

    header, parts, offset = {}, [], 0
    for name, array in arrays.items():
        content = np.ascontiguousarray(array, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(np.shape(array)), "data_offsets": [offset, offset + len(content)]}
        parts.append(content)
        offset += len(content)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


def locate_weights(spec, default, file_name):
    """Folder, name and digest of weights: a local folder, or a repository of the Hugging Face hub, fetched if need be.

    The hub names a large file by its sha256; what was fetched is compared with that.
    """
    spec = spec or default
    folder = Path(spec).expanduser()
    if folder.is_dir():
        return folder, folder.name, sha256(folder / file_name)
    from huggingface_hub import snapshot_download

    repository, _, revision = spec.partition("@")
    folder = Path(snapshot_download(repository, revision=revision or None, allow_patterns=[file_name, "*.json"]))
    digest = sha256(folder / file_name)
    expected = (folder / file_name).resolve().name
    if len(expected) == 64 and expected != digest:
        raise ValueError(f"{repository}/{file_name} has the digest {digest}, the hub says {expected}; fetch it again")
    return folder, f"{repository}@{folder.name}", digest


def sha256(path):
    """Digest of a file, remembered beside it for as long as its size and time stay."""
    state = path.stat()
    key = f"{state.st_size} {state.st_mtime_ns}"
    memory = path.with_name(path.name + ".sha256")
    with contextlib.suppress(OSError, ValueError):
        remembered, digest = memory.read_text().rsplit(" ", 1)
        if remembered == key:
            return digest
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    with contextlib.suppress(OSError):
        memory.write_text(f"{key} {sha.hexdigest()}")
    return sha.hexdigest()


def read_pictures(job):
    """The job's pictures, uint8 [n, h, w, 3]."""
    import numpy as np
    from PIL import Image

    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in job["pictures"]]
    return np.stack(pictures)


def version_of(package):
    from importlib.metadata import version

    return version(package)
