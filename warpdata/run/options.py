"""All options of a run that makes triplets, as one value."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from warpdata.config import (
    SEED_S0,
    ExportOptions,
    FilterOptions,
    GeometryOptions,
    OutputOptions,
    PairOptions,
    QualityOptions,
    RenderOptions,
    SizeOptions,
    SourceOptions,
)
from warpdata.config.saved import from_json
from warpdata.files.bounded_json import as_json_values
from warpdata.geometry.estimators import ESTIMATORS
from warpdata.plugins import OwnOptions
from warpdata.sources.table import SOURCES
from warpdata.writers.layouts.table import LAYOUTS
from warpdata.writers.scenes.table import SCENE_FORMATS

if TYPE_CHECKING:
    import torch


TABLES = (SOURCES, ESTIMATORS, LAYOUTS, SCENE_FORMATS)
"""All tables whose rows may have options of their own."""

ADDED_OPTIONS = {"source": "auto", "keep_odd_views": False}
"""Options of the source that outputs of version 0.1 do not name -> what these were made with."""


@dataclass(frozen=True, kw_only=True)
class MaterializeOptions:
    """Turn scenes into splat / reference / target triplets on disk."""

    source: SourceOptions = field(default_factory=SourceOptions)
    size: SizeOptions = field(default_factory=SizeOptions)
    geometry: GeometryOptions = field(default_factory=GeometryOptions)
    filters: FilterOptions = field(default_factory=FilterOptions)
    pairs: PairOptions = field(default_factory=PairOptions)
    render: RenderOptions = field(default_factory=RenderOptions)
    quality: QualityOptions = field(default_factory=QualityOptions)
    output: OutputOptions = field(default_factory=OutputOptions)
    export: ExportOptions = field(default_factory=ExportOptions)
    auto_s0: bool = True
    """Estimate s0 for each reference. --no-auto-s0 takes --s0, or the 0.005 of earlier data sets when that is auto."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to render and to run networks; auto takes CUDA where there is a GPU."""
    backend: str = "auto"
    """Which renderer: torch (the definition, anywhere), numba (CPU) or warp (CUDA); auto takes the fastest one."""
    seed: int = 0
    """Of what is drawn at random: the cameras of --pairs reproject."""
    decode_threads: int = 2
    """How many pictures are decoded at once, ahead of the renderer."""
    dry_run: bool = False
    """Say what would be made and how much disk it takes, and write nothing."""
    quiet: bool = False
    """Show no progress; errors and the summary are still shown."""
    own: OwnOptions = field(default_factory=OwnOptions)
    """Options of single sources, estimators and layouts."""

    def __post_init__(self) -> None:
        if self.decode_threads < 1:
            raise ValueError(f"`decode_threads` is {self.decode_threads}; at least one must decode")
        if self.pairs.pairs == "reproject" and self.render.compat:
            raise ValueError('`compat` continues data sets of an earlier program, which had no `pairs="reproject"`')
        if self.backend != "auto":
            from warpdata.render import BACKENDS  # loads torch, which is not needed to say what the options are

            if self.backend not in BACKENDS:
                raise ValueError(f"`backend` is {self.backend!r}; choose from auto, {', '.join(BACKENDS)}")

    @property
    def effective_render(self) -> RenderOptions:
        """The warp's parameters, with the earlier fixed s0 where --no-auto-s0 asks for it."""
        if self.auto_s0 or self.render.s0 != "auto":
            return self.render
        return replace(self.render, s0=SEED_S0)

    @property
    def torch_device(self) -> torch.device:
        """The device asked for.

        Raises:
            ValueError: CUDA is asked for and there is none.
        """
        import torch  # not needed to say what the options are

        if self.device == "cuda" and not torch.cuda.is_available():
            raise ValueError(
                '`device="cuda"`: this PyTorch finds no CUDA device; use `device="cpu"`, or install its CUDA build'
            )
        name = "cuda" if self.device == "cuda" or (self.device == "auto" and torch.cuda.is_available()) else "cpu"
        return torch.device(name)

    def as_json(self) -> dict[str, Any]:
        """All options as JSON values, but for the folders of output and cache: a moved output stays the same."""
        chosen = as_json_values({part.name: _as_json(getattr(self, part.name)) for part in fields(self)})
        del chosen["output"]["output_dir"], chosen["geometry"]["cache_dir"]
        if not chosen["own"]:
            del chosen["own"]
        return chosen

    def what_triplets_depend_on(self) -> dict[str, Any]:
        """The options that change a triplet's bytes, or which triplets there are.

        Which weights is not among them: the geometry that goes with each triplet says so, by their digest.
        """
        chosen = self.as_json()
        del chosen["source"]["input_dir"], chosen["geometry"]["weights"]
        for name, unset in ADDED_OPTIONS.items():
            if chosen["source"][name] == unset:
                del chosen["source"][name]  # outputs of before the option can be continued
        if chosen["filters"]["edge_threshold"] in ("auto", "off"):
            del chosen["filters"]["edge_threshold"]  # what it comes to stands in each triplet's geometry
        parts = {name: chosen[name] for name in ("source", "size", "geometry", "filters", "pairs")}
        del chosen["quality"]["ignore_marks"]  # which triplets a person rejects changes as he looks at them
        if replace(self.quality, ignore_marks=False) != QualityOptions():
            parts["quality"] = chosen["quality"]
        if self.pairs.pairs == "reproject":
            parts["seed"] = self.seed
        else:
            del chosen["pairs"]["reference"], chosen["pairs"]["drawn_cameras"]  # as it was before there were these
        if self.pairs.pairs_domain == "any":
            del chosen["pairs"]["pairs_domain"]  # outputs of before the option can be continued
        # Of estimators' own options the geometry tells; those of layouts are no concern of a triplet.
        kinds = {row.options.__name__ for row in SOURCES if row.options is not None}
        own = {kind: values for kind, values in chosen.get("own", {}).items() if kind in kinds}
        render = as_json_values(asdict(self.effective_render))
        del render["version"]  # stands beside these options, as it did before it could be chosen
        return parts | {"render": render} | ({"own": own} if own else {})


def saved_options(values: dict[str, Any]) -> MaterializeOptions:
    """Options from what `MaterializeOptions.as_json` gave; what is not saved has its default.

    Raises:
        TypeError, ValueError: the values are not such options.
    """
    own = values.get("own", {})
    kinds = {row.options.__name__: row.options for table in TABLES for row in table if row.options is not None}
    if unknown := own.keys() - kinds.keys():
        raise ValueError(f"{', '.join(sorted(unknown))} belong to a package that is not installed")
    plain = {name: value for name, value in values.items() if name != "own"}
    plain["render"] = {"version": 1} | values.get("render", {})  # before it could be chosen there was the first alone
    plain = from_json(MaterializeOptions, plain)
    return replace(plain, own=OwnOptions(*(from_json(kinds[name], own[name]) for name in own)))


def _as_json(value: Any) -> Any:
    if isinstance(value, OwnOptions):
        return value.as_json()
    return asdict(value) if is_dataclass(value) else value
