"""``train``: from a config to a bundle on disk."""

from pathlib import Path

from core.progress import ProgressCallback, no_progress
from engine.config.run_config import RunConfig

from .build import build, require_single
from .bundle import Bundle
from .read import load_bundle
from .write import require_free, write_bundle


def train(
    config: RunConfig,
    folder: Path,
    *,
    cut: str = "",
    run: Path | None = None,
    key: bytes | None = None,
    on_progress: ProgressCallback = no_progress,
) -> Bundle:
    """Fit a config's model on what was known at a cut, write the bundle, and load it.

    Parameters
    ----------
    folder : where the bundle goes; an older one is replaced.
    cut, run : as in :func:`engine.bundle.build.build`.
    key : signs the description.

    Raises
    ------
    WorkbenchError
        The config, the data, the model or the folder cannot be used; one line.
    """
    require_single(config)
    require_free(folder)
    write_bundle(build(config, config.data.load(), cut=cut, run=run, on_progress=on_progress), folder, key)
    return load_bundle(folder, key=key)
