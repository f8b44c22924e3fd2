"""What the trainer is told with each triplet: one text for all, for a scene, or for a sample."""

from __future__ import annotations

import json
from pathlib import Path

from warpdata.config import ExportOptions
from warpdata.writers.manifest import fingerprint, read_bounded


class Prompts:
    """Texts of `--prompt` and `--prompt-file`.

    Raises:
        ValueError: the file cannot be read, or is not of the form that its name promises.
    """

    def __init__(self, options: ExportOptions):
        self._default = options.prompt
        self._texts = {} if options.prompt_file is None else _read(options.prompt_file)

    @property
    def digest(self) -> str:
        """Equal for equal texts, wherever they were read from."""
        return fingerprint([self._default, self._texts])

    def of(self, sample_id: str, own: str = "") -> str | None:
        """The text of a sample: its own in the file, its scene's, the one for all, or else the triplet's own.

        None where there is none; an empty text that was given stays an empty text.
        """
        scene = sample_id.split("/", 1)[0]
        for key in (sample_id, scene):
            if key in self._texts:
                return self._texts[key]
        return self._default if self._default is not None else own or None


def _read(path: Path) -> dict[str, str]:
    try:
        text = read_bounded(path)
        if path.suffix.lower() == ".json":
            texts = json.loads(text)
        else:
            texts = dict(line.split("\t", 1) for line in text.splitlines() if line)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"--prompt-file {path}: {error}; give JSON {{id: text}}, or a text file with lines of id, tab, text"
        ) from error
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(f"--prompt-file {path}: expected a JSON object of texts by scene or sample id")
    return texts
