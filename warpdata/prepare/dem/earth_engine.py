"""Google Earth Engine by its official client: a cloud-free composite of Sentinel-2, computed on a grid that is given.

The client keeps its connection in a state of its own, one a process: the last `connect` counts.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from warpdata.errors import SourceError
from warpdata.files.bounded_json import read_json
from warpdata.prepare.dem.attempts import Patience, RequestError, attempt
from warpdata.prepare.dem.transport import Transport

if TYPE_CHECKING:
    import ee

    from warpdata.prepare.dem.image_grid import ImageGrid

BANDS = ("B4", "B3", "B2")
"""Red, green and blue of Sentinel-2."""

MAX_CLOUDY_PERCENT = 20
"""Scenes with more clouds, by their metadata, are not used."""

CLEAR_SCORE = 0.60
"""Least cumulative Cloud Score+ of a pixel that is used."""

LICENCE = "contains modified Copernicus Sentinel data"

_PROJECT_ON_LOOPBACK = "loopback-test"
_TRANSIENT = (408, 429, 500, 502, 503, 504)
_TOO_MUCH = ("memory limit", "request size", "too many pixels", "computation timed out")


@dataclass(frozen=True, kw_only=True)
class CompositeOptions:
    """Which images are combined."""

    collection: Literal["S2_HARMONIZED", "S2_SR_HARMONIZED"] = "S2_HARMONIZED"
    """Sentinel-2 at the top of the atmosphere, as the original has it, or at the surface (SR)."""
    cloud_mask: Literal["csplus", "qa60", "none"] = "csplus"
    """Pixels left out as clouds: by Cloud Score+; by the band QA60, as the original, which is empty from January 2022
    to February 2024; or none."""
    dates: tuple[str, str] = ("2021-01-01", "2023-12-31")
    """First and last day."""

    def __post_init__(self) -> None:
        try:
            first, last = (datetime.date.fromisoformat(day) for day in self.dates)
        except ValueError:
            raise ValueError(f"`dates` is {' '.join(self.dates)}; write two days as 2021-01-01 2023-12-31") from None
        if first > last:
            raise ValueError(f"`dates` is {' '.join(self.dates)}; the first day comes after the last")

    @property
    def collection_id(self) -> str:
        """Name in Earth Engine's catalogue."""
        return f"COPERNICUS/{self.collection}"


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """Where the service is, and as whom it is asked."""

    project: str | None = None
    """Google Cloud project with Earth Engine enabled; EARTHENGINE_PROJECT, or that of the credentials, by default."""
    url: str | None = None
    """Address of the service; a loopback one is asked without credentials."""
    service_account_key: Path | None = None
    """Key file of a service account; by default GOOGLE_APPLICATION_CREDENTIALS, or what `earthengine authenticate`
    left."""
    timeout: float = 300.0
    """Seconds after which a request counts as failed."""
    proxy: str | None = None
    """Proxy for every request; HTTPS_PROXY and NO_PROXY by default."""

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= 3600:
            raise ValueError(f"`timeout` is {self.timeout:g}; it must be above 0, and 3600 seconds at most")
        if self.url is not None:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
                raise ValueError(f"`url` is {self.url!r}; write an address such as https://earthengine.googleapis.com")
            if parts.scheme == "http" and not self.on_loopback:
                raise ValueError(f"`url` is {self.url!r}; credentials go to https addresses only")

    @property
    def on_loopback(self) -> bool:
        """Whether the address is one of this machine."""
        host = urlsplit(self.url or "").hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


class EarthEngine:
    """The service, ready to compute pixels; see `connect`."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def geotiff(self, composite: CompositeOptions, grid: ImageGrid) -> bytes:
        """What the service sends for a grid: with luck a GeoTIFF of three bands of reflectance; not looked at.

        Raises:
            RequestError: it sends none.
        """
        import ee

        with _request_errors():
            image = composite_image(composite, grid.outline_degrees())
            return ee.data.computePixels({"expression": image, "fileFormat": "GEO_TIFF", "grid": grid.as_request()})

    def close(self) -> None:
        """Close the connections of the calling thread."""
        self._transport.close()


def connect(options: ServiceOptions, patience: Patience, stop: threading.Event) -> EarthEngine:
    """Log in to the service.

    Raises:
        SourceError: there are no credentials or no project, or they are refused, or the service cannot be reached.
        ImportError: the client is not installed.
    """
    try:
        import ee
    except ImportError as error:
        raise ImportError(
            "earthengine-api, the client of Earth Engine, is not installed; install it with "
            "`pip install 'warpdata[geo]'`"
        ) from error
    project = options.project or os.environ.get("EARTHENGINE_PROJECT")
    if options.on_loopback:
        project = project or _PROJECT_ON_LOOPBACK
    transport = Transport(timeout_s=options.timeout, proxy=options.proxy)
    credentials = _credentials(options)
    ee.data.setMaxRetries(0)  # ours are enough

    def initialize() -> None:
        with _request_errors(), _default_socket_timeout(options.timeout):
            ee.Initialize(credentials, url=options.url, project=project, http_transport=transport)

    try:
        attempt(initialize, patience, stop)
    except RequestError as error:
        transport.close()
        where = options.url or "Earth Engine"
        if "no project found" in error.reason:
            raise SourceError(
                "Earth Engine needs a Google Cloud project that may use it; add `project`, or set EARTHENGINE_PROJECT"
            ) from error
        raise SourceError(f"{where} cannot be used: {error.reason}") from error
    return EarthEngine(transport)


def composite_image(composite: CompositeOptions, outline_degrees: tuple[float, float, float, float]) -> ee.Image:
    """The median reflectance of the clear pixels of a place, as an expression that the service computes.

    Args:
        outline_degrees: west, south, east, north.
    """
    import ee

    first, last = composite.dates
    after_last = (datetime.date.fromisoformat(last) + datetime.timedelta(days=1)).isoformat()  # the end is excluded
    place = ee.Geometry.Rectangle(list(outline_degrees), proj="EPSG:4326", geodesic=False)
    images = (
        ee.ImageCollection(composite.collection_id)
        .filterBounds(place)
        .filterDate(first, after_last)
        .filter(ee.Filter.lt("CLOUDY_PIXEL_PERCENTAGE", MAX_CLOUDY_PERCENT))
    )
    if composite.cloud_mask == "csplus":
        scores = ee.ImageCollection("GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED")
        images = images.linkCollection(scores, ["cs_cdf"]).map(_clear_by_score)
    elif composite.cloud_mask == "qa60":
        images = images.map(_clear_by_qa60)
    return images.select(list(BANDS)).median().divide(10_000).toFloat()


def _clear_by_score(image: ee.Image) -> ee.Image:
    return image.updateMask(image.select("cs_cdf").gte(CLEAR_SCORE))


def _clear_by_qa60(image: ee.Image) -> ee.Image:
    """Bit 10 of QA60: opaque clouds; bit 11: cirrus."""
    flags = image.select("QA60")
    return image.updateMask(flags.bitwiseAnd(1 << 10).eq(0).And(flags.bitwiseAnd(1 << 11).eq(0)))


def _credentials(options: ServiceOptions) -> Any:
    """Those of the service account, or what the client finds; none on loopback."""
    import ee
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import GoogleAuthError

    if options.on_loopback:
        return AnonymousCredentials()
    key = options.service_account_key or _service_account_of_environment()
    try:
        if key is not None:
            return ee.ServiceAccountCredentials(key_file=str(key))
        return ee.data.get_persistent_credentials()
    except (ee.EEException, GoogleAuthError, ValueError, OSError) as error:
        found = f"{key} cannot be used ({error})" if key is not None else "none that work were found"
        raise SourceError(
            f"Earth Engine needs credentials: {found}. Run `earthengine authenticate` once, or give the key of a "
            "service account as `service_account_key` or in GOOGLE_APPLICATION_CREDENTIALS"
        ) from error


def _service_account_of_environment() -> Path | None:
    path = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if not path or not Path(path).is_file():
        return None
    try:
        value = read_json(Path(path))
    except ValueError:
        return None
    return Path(path) if isinstance(value, dict) and value.get("type") == "service_account" else None


@contextmanager
def _default_socket_timeout(seconds: float) -> Iterator[None]:
    """For the list of deprecated data sets, which the client fetches when it starts, by other means, without limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(min(seconds, 10.0))
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _request_errors() -> Iterator[None]:
    """Whatever the client raises, as a `RequestError` that says what may help."""
    import ee
    from google.auth.exceptions import RefreshError, TransportError
    from googleapiclient.errors import Error as ApiError
    from googleapiclient.errors import HttpError

    try:
        yield
    except ee.EEException as error:
        cause = error.__context__ if isinstance(error.__context__, HttpError) else None
        raise _of_status(str(error), cause) from error
    except HttpError as error:
        raise _of_status(error.reason or str(error), error) from error
    except RefreshError as error:
        raise RequestError(f"the credentials are refused: {error}", remedy="access") from error
    except (ConnectionError, TimeoutError, TransportError) as error:
        raise RequestError(f"the connection failed: {error}", remedy="again") from error
    except (ApiError, ValueError) as error:  # such as a page of a proxy in place of the description of the service
        raise RequestError(f"the answer is not of Earth Engine: {error}", remedy="again") from error


def _of_status(reason: str, error: Any) -> RequestError:
    status = error.resp.status if error is not None else None
    said = f"HTTP {status}: {reason}" if status is not None else reason
    if status in _TRANSIENT:
        return RequestError(said, remedy="again", wait_s=_seconds(error.resp.get("retry-after")))
    if status in (401, 403):
        return RequestError(f"{said}; see whether the project may use Earth Engine", remedy="access")
    if any(words in reason.lower() for words in _TOO_MUCH):
        return RequestError(said, remedy="smaller")
    return RequestError(said, remedy="none")


def _seconds(retry_after: str | None) -> float | None:
    try:
        return float(retry_after) if retry_after is not None else None
    except ValueError:  # a date
        return None
