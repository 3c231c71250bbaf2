"""Where caches lie."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """In the user's cache folder, or where the environment variable BACKTRADER_ML_CACHE says."""
    from platformdirs import user_cache_path

    folder = os.environ.get("BACKTRADER_ML_CACHE")
    return Path(folder) if folder else user_cache_path("backtrader-ml")
