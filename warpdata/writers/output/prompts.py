"""What the trainer is told with each triplet: one text for all, for a scene, or for a sample."""

from __future__ import annotations

import json
from pathlib import Path

from warpdata.config import ExportOptions
from warpdata.files.bounded_json import fingerprint, read_text
from warpdata.formats.manifest import scene_of


class Prompts:
    """Texts by sample and by scene, and one for all the others.

    Args:
        default: the one for all the others; None where there is none.
        texts: by scene or sample id.
        digest: equal for equal texts; worked out when it is not given.
    """

    def __init__(self, default: str | None, texts: dict[str, str], *, digest: str | None = None):
        self._default, self._texts = default, texts
        self.digest = digest or fingerprint([default, texts])

    @classmethod
    def of_options(cls, options: ExportOptions) -> Prompts:
        """The texts of `--prompt` and `--prompt-file`.

        Raises:
            ValueError: the file cannot be read, or is not of the form that its name promises.
        """
        return cls(options.prompt, {} if options.prompt_file is None else _read(options.prompt_file))

    def of(self, sample_id: str, own: str | None = None) -> str | None:
        """The text of a sample: its own in the file, its scene's, the one for all, or else the triplet's own.

        None where there is none; an empty text that was given stays an empty text.
        """
        for key in (sample_id, scene_of(sample_id)):
            if key in self._texts:
                return self._texts[key]
        return own if self._default is None else self._default


def _read(path: Path) -> dict[str, str]:
    try:
        text = read_text(path)
        if path.suffix.lower() == ".json":
            texts = json.loads(text)
        else:
            texts = dict(line.split("\t", 1) for line in text.splitlines() if line)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"`prompt_file` {path}: {error}; give JSON {{id: text}}, or a text file with lines of id, tab, text"
        ) from error
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(f"`prompt_file` {path}: expected a JSON object of texts by scene or sample id")
    return texts
