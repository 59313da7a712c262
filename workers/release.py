"""The version of the distribution this code came from."""

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """The installed version of justlens, or "source" for a checkout that was never installed."""
    try:
        return version("justlens")
    except PackageNotFoundError:
        return "source"
