"""YAML files as layers: read with their line numbers, extended, overridden, merged.

A layer is a plain mapping plus the place (``file:line``) of each of its keys, so that an error about a merged
configuration can still say where the value was written.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

from core.errors import ConfigError

KeyPath: TypeAlias = tuple[str, ...]

# The keys whose values are paths, below any `source:` block.
PATH_KEYS = ("files", "file", "path", "folder")
FILED = {**dict.fromkeys(("source", "news", "scorer"), PATH_KEYS), "tls": ("ca", "cert", "key")}
"""Blocks that name files, and the keys of each whose values are paths."""


@dataclass(frozen=True)
class Layer:
    """A mapping and the place of each of its keys."""

    values: dict[str, Any]
    places: Mapping[KeyPath, str]

    def place(self, path: KeyPath) -> str:
        """Where a key was written; the nearest parent's place if the key itself was not."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, "")


def read_layer(path: Path) -> Layer:
    """A file's layer, everything that it extends merged below it.

    Raises
    ------
    ConfigError
        The file is missing, not UTF-8, not YAML, has a duplicate key, or extends itself.
    """
    return _read(path, ())


def _read(path: Path, seen: tuple[Path, ...]) -> Layer:
    real = path.resolve()
    if real in seen:
        chain = " -> ".join(step.name for step in (*seen, real))
        raise ConfigError(f"{path}: `extends` runs in a circle ({chain}); let one of them stand alone")
    return _extended(_parse(_text(path), str(path)), real.parent, (*seen, real))


def layer_from_mapping(values: Mapping[str, Any], name: str) -> Layer:
    """The layer of plain values that stand in no file; ``extends`` and paths are read from the working directory.

    Raises
    ------
    ConfigError
        A value is no plain value, or what it extends cannot be read.
    """
    try:
        layer = Layer(_plain(values), {(str(key),): name for key in values})
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    return _extended(layer, Path.cwd(), ())


def _extended(layer: Layer, folder: Path, seen: tuple[Path, ...]) -> Layer:
    """The layer with its paths made absolute and what it extends merged below it."""
    values = _absolute(layer.values, folder)
    parent = values.pop("extends", None)
    layer = Layer(values, layer.places)
    if parent is None:
        return layer
    if not isinstance(parent, str):
        raise ConfigError(f"{layer.place(('extends',))}: extends: must be one file name; given {parent!r}")
    base = folder / parent
    if not base.is_file():
        raise ConfigError(f"{layer.place(('extends',))}: extends: there is no file {parent!r} in {folder}")
    return merge(_read(base, seen), layer)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder; give a YAML file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def _parse(text: str, name: str) -> Layer:
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="rt", pure=True)
    yaml.Resolver = _resolver()
    try:
        tree = yaml.load(text)
    except DuplicateKeyError as error:
        key = re.search(r'found duplicate key "([^"]*)"', str(error))
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ConfigError(f"{name}:{line}: key {key[1] if key else '?'!r} is given twice; keep one") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ConfigError(f"{name}:{line}: is not valid YAML: {_yaml_problem(error.problem)}") from None
    except (YAMLError, ValueError) as error:
        raise ConfigError(f"{name}: is not valid YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise ConfigError(f"{name}: values are nested too deeply for a config; check the brackets") from None
    if not isinstance(tree, Mapping):
        found = "nothing" if tree is None else "a list" if isinstance(tree, list) else f"the text {str(tree)[:40]!r}"
        raise ConfigError(f"{name}: must hold a mapping of keys to values; it holds {found}")
    try:
        return Layer(_plain(tree), dict(_places(tree, name, ())))
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None


def _yaml_problem(problem: str | None) -> str:
    if problem and "'\\t'" in problem:
        return "a tab is used for indentation; use spaces"
    return problem or "unknown problem"


def _resolver() -> type:
    """YAML 1.2, but a date stays text: the field that wants a date reads it, and names itself when it cannot."""
    from ruamel.yaml.resolver import VersionedResolver

    class DatesAreText(VersionedResolver):
        @property
        def versioned_resolver(self) -> Any:
            table = super().versioned_resolver
            return {
                first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
                for first, pairs in table.items()
            }

    return DatesAreText


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {str(key): _plain(item) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return [_plain(item) for item in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    if node is None:
        return None
    if isinstance(node, date):
        return node.isoformat()
    if isinstance(node, Path):
        return str(node)
    raise ConfigError(f"{_sort(node)} is not accepted; write plain values")


def _sort(node: Any) -> str:
    tag = getattr(node, "tag", None)
    return f"a YAML tag ({tag})" if tag else f"a {type(node).__name__}"


def _places(node: Any, name: str, path: KeyPath) -> Iterable[tuple[KeyPath, str]]:
    keyed = isinstance(node, Mapping)
    marks = node.lc
    for key, item in node.items() if keyed else enumerate(node):
        # A key that `<<` brings in has no place of its own here: its mapping's place is quoted for it.
        if key not in (marks.data or {}):
            continue
        at = marks.key(key) if keyed else marks.item(key)
        here = (*path, str(key))
        yield here, f"{name}:{at[0] + 1}"
        if isinstance(item, Mapping | list):
            yield from _places(item, name, here)


def merge(base: Layer, top: Layer) -> Layer:
    """``top`` over ``base``: mappings merge deeply; lists and mappings of another ``kind`` replace the old ones."""
    gone = tuple(_replaced(base.values, top.values, ()))
    kept = {path: place for path, place in base.places.items() if not any(path[: len(old)] == old for old in gone)}
    return Layer(_merged(base.values, top.values), {**kept, **top.places})


def _replaced(base: dict[str, Any], top: dict[str, Any], path: KeyPath) -> Iterable[KeyPath]:
    """The keys of ``base`` of which nothing is left, so that their places are not quoted any more."""
    if _another_kind(base, top):
        yield path
        return
    for key in base.keys() & top.keys():
        if _both_mappings(base[key], top[key]):
            yield from _replaced(base[key], top[key], (*path, key))
        else:
            yield (*path, key)


def _merged(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    if _another_kind(base, top):
        return top
    both = {key: _merged(base[key], top[key]) for key in top if _both_mappings(base.get(key), top[key])}
    return {**base, **top, **both}


def _another_kind(base: dict[str, Any], top: dict[str, Any]) -> bool:
    return "kind" in top and top["kind"] != base.get("kind", top["kind"])


def _both_mappings(left: object, right: object) -> bool:
    return isinstance(left, dict) and isinstance(right, dict)


def override(layer: Layer, text: str) -> Layer:
    """``layer`` with one ``dotted.key=value`` from the command line on top; the value is YAML."""
    key, sign, value = text.partition("=")
    parts = tuple(key.strip().split("."))
    if not sign or not all(parts):
        raise ConfigError(f"override {text!r} must look like risk.base=0.01")
    source = f"override {text!r}"
    inner: Any = _parse(f"value: {value}", source).values["value"]
    for part in reversed(parts):
        inner = {part: inner}
    places = {parts[: depth + 1]: source for depth in range(len(parts))}
    return merge(layer, Layer(_absolute(inner, Path.cwd()), places))


def _absolute(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Paths below every block that names files made absolute: a path is read from the file that states it."""

    def below(key: str, item: Any) -> Any:
        if isinstance(item, list):
            return [below(key, each) for each in item]
        if not isinstance(item, dict):
            return item
        inner = {name: below(name, each) for name, each in item.items()}
        if key not in FILED:
            return inner
        return _mapped(inner, FILED[key], lambda text: str((folder / Path(text).expanduser()).resolve()))

    return {key: below(key, item) for key, item in values.items()}


def _mapped(source: dict[str, Any], keys: Sequence[str], change: Callable[[str], str]) -> dict[str, Any]:
    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, dict):
            return {key: changed(item) for key, item in value.items()}
        return value

    return {key: changed(item) if key in keys else item for key, item in source.items()}
