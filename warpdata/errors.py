"""Every error warpdata raises on purpose and a caller may want to catch.

A wrong argument is a plain `ValueError`. Each message says what was asked, what was found, and what to do.
"""


class WarpdataError(Exception):
    """Base of all errors below."""


class SourceError(WarpdataError):
    """The input as a whole cannot be used: no such folder, no scene in it."""


class SceneError(WarpdataError):
    """One scene cannot be used; the others can."""


class ViewError(WarpdataError):
    """One view of a scene cannot be used: broken image, bad camera, missing depth. The scene goes on without it."""


class GeometryError(WarpdataError):
    """An estimator could not give geometry for a scene."""


class WeightsError(WarpdataError):
    """Network weights are missing, refused, damaged, or not what was asked for."""


class CacheError(WarpdataError):
    """A cache entry cannot be read: damaged, foreign, or of a version this program does not know."""


class BackendError(WarpdataError):
    """A render backend was asked for and cannot run here."""


class OutputError(WarpdataError):
    """A file cannot be written, or the output folder holds something else than what is asked for."""


class PluginError(WarpdataError):
    """A row that another package adds to a table cannot be loaded."""
