"""What a check finds: a rule's code, where, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass

RULES = {
    "WD101": "nothing that can be checked was found",
    "WD102": "the export is unfinished",
    "WD201": "a control is missing: trainers drop it, and the next control takes its place",
    "WD202": "a control belongs to no target",
    "WD203": "controls are in another order than the export says, or than in the other samples",
    "WD204": "samples have different numbers of controls",
    "WD205": "numbers have a gap",
    "WD206": "a file in the folder of targets is not a target",
    "WD301": "the pictures of a sample have different sizes",
    "WD302": "a side is not a multiple of what the trainer needs: it crops or resamples on its own",
    "WD303": "a picture cannot be decoded, or is cut short",
    "WD304": "a picture is stored turned, with an orientation tag that some trainers ignore",
    "WD305": "a picture is not RGB",
    "WD306": "a splat shows nothing of its target: there is nothing to learn from it",
    "WD401": "a name holds a dot, a space or a letter outside ASCII",
    "WD402": "two names differ in case or cleaned letters alone",
    "WD403": "a target's name is another's name with the suffix of a control",
    "WD501": "a caption is missing where other samples have one",
    "WD502": "a caption is empty",
    "WD503": "a caption is not UTF-8",
    "WD601": "a shard is not in the index, or there is no index",
    "WD602": "a shard that the index or the names of the others promise is missing, or of another length",
    "WD603": "a shard is cut short or damaged",
    "WD604": "the members of a sample do not follow each other",
    "WD605": "a sample has other members than the first one",
    "WD606": "a shard has headers that some readers refuse, or that differ from run to run",
    "WD701": "the metadata file cannot be read",
    "WD702": "a file of the metadata is missing, or lies outside of the data set",
    "WD703": "the metadata's entries have different columns",
    "WD704": "there are not as many <image> tags as images",
}
"""Code -> what it means. Codes keep their meaning."""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that a trainer would swallow in silence.

    Attributes:
        path: of the file, as it was found.
        code: a key of `RULES`.
        detail: what is wrong there.
    """

    path: str
    code: str
    detail: str

    def line(self) -> str:
        """For people: one line, clickable."""
        return f"{self.path}: {self.code} {self.detail}"
