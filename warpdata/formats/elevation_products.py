"""Elevation products by the names of their files: which files hold heights, what means "no data", the licence."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_NODATA = (-32768.0, -9999.0)
"""Heights that mean "no data" in files that declare none; NaN always does."""


@dataclass(frozen=True, kw_only=True)
class ElevationProduct:
    """A product whose files are known by name.

    Attributes:
        name: of the product.
        heights: pattern of the names of files with heights, in any case, without folder.
        companions: pattern of names of files of the same delivery that hold no heights: masks, counts, errors.
        nodata: values that mean "no data" where a file declares none.
        licence: under which its makers give it away, in short.
        posting: distance of its pixels.
    """

    name: str
    heights: str
    companions: str | None
    nodata: tuple[float, ...]
    licence: str
    posting: str


_CELL = r"[NS]\d{2,3}_?[EW]\d{3}"

PRODUCTS = (
    ElevationProduct(
        name="ALOS World 3D (AW3D30)",
        heights=rf"(ALPSMLC30_)?{_CELL}_(AVE_)?DSM\.tiff?",
        companions=rf"(ALPSMLC30_)?{_CELL}_((AVE_)?(MSK|STK)|QAI|LST|HDR).*\.tiff?",
        nodata=(-9999.0, -32768.0),
        licence="JAXA, free of charge under the terms of AW3D30",
        posting="1 arc second",
    ),
    ElevationProduct(
        name="Copernicus DEM",
        heights=r"Copernicus_DSM_(COG_)?\d+_[NS]\d{2}_\d{2}_[EW]\d{3}_\d{2}_DEM\.tiff?",
        companions=r"Copernicus_DSM_(COG_)?\d+_[NS]\d{2}_\d{2}_[EW]\d{3}_\d{2}_(EDM|FLM|HEM|WBM|ACM|SRC).*",
        nodata=(-32767.0, -32768.0, -9999.0),
        licence="Copernicus DEM, DLR e.V. and Airbus, under COPERNICUS by the European Union and ESA",
        posting="1 or 3 arc seconds",
    ),
    ElevationProduct(
        name="SRTM",
        heights=r"[NS]\d{2}[EW]\d{3}(\.SRTMGL[13])?\.hgt",
        companions=r"[NS]\d{2}[EW]\d{3}\.(SRTMSWBD|num|raw).*",
        nodata=(-32768.0,),
        licence="NASA, public domain",
        posting="1 or 3 arc seconds",
    ),
    ElevationProduct(
        name="ASTER GDEM",
        heights=rf"ASTGTM(V\d{{3}})?_{_CELL}_dem\.tiff?",
        companions=rf"ASTGTM(V\d{{3}})?_{_CELL}_num\.tiff?",
        nodata=(-9999.0, -32768.0),
        licence="NASA and METI, no restrictions",
        posting="1 arc second",
    ),
)
"""Every product that is known by the names of its files."""


def product_of(file_name: str) -> ElevationProduct | None:
    """The product whose file of heights has this name."""
    return next((row for row in PRODUCTS if re.fullmatch(row.heights, file_name, re.IGNORECASE)), None)


def companion_of(file_name: str) -> ElevationProduct | None:
    """The product whose masks, counts or errors have this name: a file beside the heights that holds none."""
    return next(
        (row for row in PRODUCTS if row.companions and re.fullmatch(row.companions, file_name, re.IGNORECASE)), None
    )


def assumed_nodata(file_name: str) -> tuple[float, ...]:
    """Values that mean "no data" in a file of this name that declares none."""
    product = product_of(file_name)
    return product.nodata if product is not None else DEFAULT_NODATA
