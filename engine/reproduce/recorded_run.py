"""The manifest of a run folder, compared against what is here now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from core.errors import StoreError
from engine.config.run_config import RunConfig
from engine.run_folder import manifest as manifests
from engine.run_folder.run_folder import MANIFEST, RESULT_FILES, is_run_folder, read_json, result_digest
from engine.sweep.load_config import load
from engine.sweep.storage.file_names import NUMBERS
from engine.sweep.storage.file_names import RESULTS as SWEPT

from .compare import Difference, Kind
from .tolerances import Tolerances

CONFIG = "config.yaml"
FORMAT = 1
MAPPINGS = ("data", "versions", "machine")
TEXTS = ("config_id", "engine", "result_digest", "code_digest")
ENGINES = ("backtrader", "compiled")
PROCESSOR = ("processor", "processor_model", "torch_cpu", "openblas")
"""Keys of a manifest's machine that differ between processors that may round differently."""
NEWER = PROCESSOR[1:]
"""Those that older manifests do not have."""


@dataclass(frozen=True)
class RecordedRun:
    """A finished run as its folder describes it.

    Attributes
    ----------
    folder : the run folder; nothing here writes into it.
    config : what its config.yaml says, with the engine that its manifest names.
    manifest : what its manifest.json says.
    """

    folder: Path
    config: RunConfig
    manifest: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a run folder.

        Raises
        ------
        StoreError
            It is none, or its manifest is damaged or of a newer format.
        ConfigError, DataError
            Its config cannot be read any more, or a file that it names is gone.
        """
        manifest = _manifest(folder)
        config = load(folder / CONFIG).model_copy(update={"engine": manifest["engine"]})
        record = cls(folder, config, manifest)
        _ = record.data  # a file that is gone is told before hours of work
        return record

    @property
    def is_sweep(self) -> bool:
        """True for a sweep's folder."""
        return self.config.sweep is not None

    @property
    def files(self) -> tuple[str, ...]:
        """The files in which equal results are equal."""
        return (*SWEPT, NUMBERS) if self.is_sweep else RESULT_FILES

    @cached_property
    def data(self) -> Mapping[str, str]:
        """The digest of each data file as it is now, by symbol."""
        return self.config.data.digests()

    @property
    def processor_recorded(self) -> bool:
        """True if the manifest states all that tells one processor from another."""
        return set(PROCESSOR) <= set(self.manifest["machine"])

    @cached_property
    def tolerances(self) -> Tolerances | None:
        """The tolerances of numbers; None, which allows no difference, for a run of a processor like this one.

        What an older manifest does not state is taken to be as it is here.
        """
        before = self.manifest["machine"]
        now = manifests.machine()
        same_system = _system(before) == _system(now)
        if same_system and all(before.get(key, now[key]) == now[key] for key in PROCESSOR):
            return None
        return Tolerances.from_config(self.config.dump())

    def circumstances(self) -> tuple[Difference, ...]:
        """The circumstances that were different: data, config, files of the folder, versions, machine, code."""
        now = manifests.surroundings()
        before = self.manifest["machine"]
        machine = {key: value for key, value in now["machine"].items() if key in before or key not in NEWER}
        return (
            *_by_name("data", self.manifest["data"], self.data),
            *_by_name("config", {"config_id": self.manifest["config_id"]}, {"config_id": self.config.id}),
            *self._edited(),
            *_by_name("version", self.manifest["versions"], now["versions"]),
            *_by_name("machine", before, machine),
            *_by_name("threads", self.manifest.get("threads") or {}, now["threads"]),
            *self._code(now),
        )

    def _edited(self) -> Iterator[Difference]:
        """A result file that is not the one that the manifest was written for."""
        try:
            digest = result_digest(self.folder, SWEPT if self.is_sweep else RESULT_FILES)
        except OSError:  # one is missing: that is told of the file
            return
        if digest != self.manifest["result_digest"]:
            where = "result_digest: a result file was changed after the run"
            yield Difference("folder", where, self.manifest["result_digest"], digest)

    def _code(self, now: Mapping[str, Any]) -> Iterator[Difference]:
        """Digest, commit and what was not committed; nothing where the code is the same, whatever its commit."""
        if self.manifest["code_digest"] == now["code_digest"]:
            return
        yield Difference("code", "code_digest", self.manifest["code_digest"], now["code_digest"])
        names = {"commit": "git commit", "diff": "uncommitted diff"}
        old, new = ({names[key]: git.get(key) for key in names} for git in (self.manifest.get("git") or {}, now["git"]))
        yield from _by_name("code", old, new)


@dataclass(frozen=True)
class ReproductionVerdict:
    """The result of reproducing a run."""

    folder: Path
    differences: tuple[Difference, ...]
    files: int = len(RESULT_FILES)
    """Number of files compared."""
    other_processor: bool = False
    """True if the run was made on another processor, so that numbers were compared with tolerances."""

    @property
    def reproduced(self) -> bool:
        """True if data and results are equal; versions or code may have changed."""
        return not any(difference.counts for difference in self.differences)

    def dump(self) -> list[dict[str, Any]]:
        """Every difference with the run that it is of, for JSON."""
        return [{"run": str(self.folder), **difference.dump()} for difference in self.differences]


def _system(machine: Mapping[str, str]) -> str:
    """The operating system without its version."""
    return machine.get("system", "").partition("-")[0]


def _by_name(kind: Kind, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield Difference(kind, name, old.get(name), new.get(name))


def _manifest(folder: Path) -> Mapping[str, Any]:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise StoreError(f"{folder}: there is no such folder; give the folder that a run has written")
    if not is_run_folder(folder):
        raise StoreError(f"{folder}: is no run folder: it holds no {MANIFEST}; give the folder that a run has written")
    manifest = read_json(path)
    if isinstance(manifest, dict) and isinstance(manifest.get("format"), int) and manifest["format"] > FORMAT:
        raise StoreError(f"{path}: format {manifest['format']} is newer than this program reads; update backtrader-ml")
    if wrong := list(_wrong(manifest)):
        raise StoreError(f"{path}: {', '.join(wrong)} missing or damaged; run {folder / CONFIG} again")
    return dict(manifest)


def _wrong(manifest: Any) -> Iterator[str]:
    """The keys that are missing or hold something else than a run writes."""
    entries = manifest if isinstance(manifest, dict) else {}
    yield from (key for key in MAPPINGS if not _names(entries.get(key)))
    yield from (key for key in ("git", "threads") if not _names(entries.get(key) or {}))
    yield from (key for key in TEXTS if not isinstance(entries.get(key), str))
    if isinstance(entries.get("engine"), str) and entries["engine"] not in ENGINES:
        yield "engine"


def _names(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(difference, str) for difference in value.values())
