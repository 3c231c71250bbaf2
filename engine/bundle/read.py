"""Loading a bundle that may come from a stranger: every step checks before the next one reads.

The order: names and sizes of the files; signature; form of the description; digests; versions; arrays; self-test.
Nothing is unpickled, imported by a name in a file, or evaluated.
"""

import hashlib
import hmac
import json
import math
import stat
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy
from pydantic import ValidationError

from core.errors import StoreError, WorkbenchError
from core.plugins import PluginField
from engine.config.run_config import explain_values
from engine.run_folder.manifest import code_digest
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from signals.cache.library_versions import machine, version_of
from signals.folds.fit_at_cut import ALL
from signals.folds.fit_fold import FittedPart
from signals.models.base import RuleModel
from signals.scaling import Scaler
from signals.spec import SignalSpec
from signals.stored import Stored, restored_fields
from strategies.base import Strategy

from .build import code_of_rules
from .bundle import Bundle
from .contents import (
    DESCRIPTION,
    FILES,
    LARGEST_DESCRIPTION,
    LARGEST_WEIGHTS,
    SIGNATURE,
    VERSION,
    WEIGHTS,
    Contents,
    digest_of,
)
from .reference import restored_reference
from .trained import Part, Rules, answered, answered_by_rule
from .write import signature


class _Deciding(SignalSpec):
    """The keys of a config that decide predictions, sides and sizes."""

    strategy: Annotated[Strategy, PluginField("strategies")]
    risk: RiskSpec
    broker: BrokerSpec


Arrays = Mapping[str, npt.NDArray[Any]]
LARGEST_HEADER = 8 * 1024**2
"""Of the weights, in bytes."""


def load_bundle(folder: str | PathLike[str], *, key: bytes | None = None, force: bool = False) -> Bundle:
    """Read a bundle and verify it: names, signature, digests, versions, self-test.

    Parameters
    ----------
    key : with which it must have been signed; None: a signature is not asked for.
    force : load it although code or libraries differ from those that it was made with.

    Raises
    ------
    StoreError
        It is no bundle, was changed, was made by other versions, or does not answer its self-test.

    Examples
    --------
    >>> load_bundle("bundles/gone")
    Traceback (most recent call last):
    core.errors.StoreError: bundles/gone: there is no such folder
    """
    folder = Path(folder)
    description, weights = _files(folder, key)
    contents = _contents(folder / DESCRIPTION, description)
    _require_digests(folder, contents, weights)
    rules = _rules(folder / DESCRIPTION, contents)
    if not force:
        _require_versions(folder, contents, rules)
    arrays = _arrays(folder / WEIGHTS, weights)
    try:
        parts = {symbol: _part(contents, rules, arrays, symbol) for symbol in contents.parts}
        _require_self_tests(contents, rules, parts, arrays)
        reference = restored_reference(arrays, contents.symbols, contents.features)
    except StoreError as error:
        raise StoreError(f"{folder / WEIGHTS}: {error}") from None
    return Bundle(contents, rules, parts, folder, reference)


def _files(folder: Path, key: bytes | None) -> tuple[bytes, bytes]:
    """The bytes of the two files, after their names, kinds, sizes and signature were checked."""
    if not folder.is_dir():
        raise StoreError(f"{folder}: there is no such folder")
    names = sorted(path.name for path in folder.iterdir())
    for name in (DESCRIPTION, WEIGHTS):
        if name not in names:
            raise StoreError(f"{folder}: is no bundle, or a part of one: it has no {name}")
    extra = [name for name in names if name not in FILES]
    if extra:
        raise StoreError(f"{folder / extra[0]}: does not belong to a bundle; remove it")
    description = _read(folder / DESCRIPTION, LARGEST_DESCRIPTION)
    if key is not None:
        _require_signature(folder, description, key)
    return description, _read(folder / WEIGHTS, LARGEST_WEIGHTS)


def _read(path: Path, largest: int) -> bytes:
    about = path.lstat()
    if not stat.S_ISREG(about.st_mode):
        raise StoreError(f"{path}: is a link or no file; a bundle has plain files")
    if about.st_size > largest:
        raise StoreError(f"{path}: has {about.st_size:,} bytes, at most {largest:,} are read")
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error


def _require_signature(folder: Path, description: bytes, key: bytes) -> None:
    path = folder / SIGNATURE
    if not path.is_file():
        raise StoreError(f"{path}: is missing: the bundle was not signed; train it with --key-file")
    signed = _read(path, 1024).strip()
    if not hmac.compare_digest(signed, signature(description, key).encode()):
        raise StoreError(f"{path}: does not fit {DESCRIPTION}: another key, or the bundle was changed")


def _contents(path: Path, description: bytes) -> Contents:
    try:
        values = json.loads(description.decode("utf-8"), parse_constant=_no_constant)
        actual = digest_of(values) if isinstance(values, dict) else ""
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: is not valid JSON ({error}); fetch the bundle again") from None
    if not isinstance(values, dict) or "version" not in values:
        raise StoreError(f"{path}: describes no bundle")
    if values["version"] != VERSION:
        raise StoreError(f"{path}: has the format {values['version']!r}, this program reads {VERSION}: train it again")
    if values.get("digest") != actual:
        raise StoreError(f"{path}: was changed: its content is not that of its digest; fetch the bundle again")
    try:
        return Contents.parse(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise StoreError(f"{path}: {key}: {first['msg']}") from None


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _require_digests(folder: Path, contents: Contents, weights: bytes) -> None:
    if set(contents.files) != {WEIGHTS}:
        raise StoreError(
            f"{folder / DESCRIPTION}: names the files {', '.join(sorted(contents.files)) or 'none'}, must be {WEIGHTS}"
        )
    entry = contents.files[WEIGHTS]
    if len(weights) != entry.size:
        raise StoreError(
            f"{folder / WEIGHTS}: has {len(weights):,} bytes, must be {entry.size:,}; fetch the bundle again"
        )
    if not hmac.compare_digest(hashlib.sha256(weights).hexdigest(), entry.sha256):
        raise StoreError(f"{folder / WEIGHTS}: its bytes are not those of {DESCRIPTION}; fetch the bundle again")


def _rules(path: Path, contents: Contents) -> Rules:
    """The parts of the config that decide; where the data are is not read."""
    values = {name: contents.config[name] for name in _Deciding.model_fields if name in contents.config}
    try:
        config = _Deciding.parse(values)
        signals = SignalSpec.parse({name: values[name] for name in SignalSpec.model_fields if name in values})
    except ValidationError as error:
        raise StoreError(f"{path}: the config in it is not acceptable: {explain_values(error, values)}") from None
    except WorkbenchError as error:
        raise StoreError(f"{path}: the config in it is not acceptable: {error.line}") from None
    return Rules(signals, config.strategy, config.risk, config.broker)


def _require_versions(folder: Path, contents: Contents, rules: Rules) -> None:
    differences = [
        f"{name} {there} there, {here} here"
        for name, there in sorted(contents.versions.items())
        if (here := version_of(name)) != there
    ]
    # The files' bytes are compared first: to parse them takes longer than all the rest of a prediction.
    if contents.sources != code_digest() and contents.code != code_of_rules(rules).digest:
        differences.insert(0, "the code of the program differs")
    if contents.machine != machine():
        differences.append("the machine differs")
    if differences:
        raise StoreError(
            f"{folder}: was made by other versions: {'; '.join(differences)}; predictions may differ; "
            "install those versions, train again, or take --force"
        )


def _arrays(path: Path, weights: bytes) -> Arrays:
    """The arrays; the header is checked before the parser sees it."""
    length = int.from_bytes(weights[:8], "little")
    if len(weights) < 8 or length > min(LARGEST_HEADER, len(weights) - 8):
        raise StoreError(f"{path}: its header is {length:,} bytes long, the file {len(weights):,}")
    try:
        return safetensors.numpy.load(weights)
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise StoreError(f"{path}: its arrays cannot be read: {error}") from None


def _part(contents: Contents, rules: Rules, arrays: Arrays, symbol: str) -> Part:
    mine = _of_part(arrays, symbol)
    entry = contents.parts[symbol]
    count = len(contents.features)
    training = rules.signals.training
    stored = Stored({"model": entry.model, "confidence": entry.confidence, "scaler": {}}, mine)
    scaler = restored_fields(Scaler, stored.under("scaler"))
    ranges = stored.array("ranges", shape=(count, 2))
    if len(scaler.center) != count or len(scaler.scale) != count or not (scaler.scale > 0).all():
        raise StoreError(f"the scaler is not one of {count} features")
    fitted = FittedPart(
        scaler,
        training.model.restore(stored.under("model")),
        training.confidence.restore(stored.under("confidence")),
        {},
    )
    return Part(fitted, ranges)


def _of_part(arrays: Arrays, symbol: str) -> dict[str, npt.NDArray[Any]]:
    start = f"{symbol}|"
    return {name[len(start) :]: array for name, array in arrays.items() if name.startswith(start)}


def _require_self_tests(contents: Contents, rules: Rules, parts: Mapping[str, Part], arrays: Arrays) -> None:
    model = rules.signals.model
    names = [ALL] if isinstance(model, RuleModel) else list(parts)
    if not names:
        raise StoreError("there is no fit in it")
    for symbol in names:
        inputs, expected = _self_test(_of_part(arrays, symbol))
        try:
            if isinstance(model, RuleModel):
                answers = answered_by_rule(inputs, model)
            else:
                answers = answered(inputs, contents.features, rules, parts[symbol].fitted)
        except StoreError:
            raise
        except Exception as error:  # whatever hostile arrays make numpy raise
            raise StoreError(f"its self-test fails: {type(error).__name__}: {error}") from error
        for name, values in expected.items():
            if name not in answers or not np.array_equal(answers[name], values, equal_nan=True):
                off = _distance(answers.get(name), values)
                raise StoreError(
                    f"its self-test answers another {name} than it must{off}; fetch the bundle again, or train again"
                )


def _distance(answers: Any, expected: npt.NDArray[Any]) -> str:
    if answers is None or np.shape(answers) != expected.shape:
        return ""
    difference = float(np.nanmax(np.abs(answers - expected), initial=0.0))
    return f", by up to {difference:.3g}" if math.isfinite(difference) else ""


def _self_test(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    inputs = dict(_below("test_input.", arrays))
    answers = dict(_below("test_answer.", arrays))
    lengths = {len(array) for array in inputs.values() if array.ndim}
    if (
        "prediction" not in answers
        or not inputs
        or len(lengths) != 1
        or any(array.ndim == 0 for array in inputs.values())
    ):
        raise StoreError("it has no self-test")
    return inputs, answers


def _below(start: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for name, array in arrays.items():
        if name.startswith(start):
            yield name[len(start) :], array
