"""Layers of a config: YAML files, mappings and overrides with the line number of each key, merged into one.

A layer is a plain mapping plus the location (``file:line``) of each of its keys, so that an error in a merged config
names the file and line of the value.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from core.errors import ConfigError

KeyPath: TypeAlias = tuple[str, ...]

# The keys whose values are paths, below any `source:` block.
PATH_KEYS = ("files", "file", "path", "folder")
BLOCKS_WITH_PATHS = {
    **dict.fromkeys(("source", "news", "scorer"), PATH_KEYS),
    "strategy": ("file",),
    "tls": ("ca", "cert", "key"),
}
"""Blocks that name files, and the keys of each whose values are paths."""


TEXT_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
FILE = "file"
"""The key that stands in the place of a kind where a block names a file."""
KINDS = {"int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}
"""Words for what YAML reads instead of text, by the end of its tag."""


@dataclass(frozen=True)
class Layer:
    """A mapping and the location of each of its keys.

    Attributes
    ----------
    lost : by the path of a block whose kind was changed by a layer above it, the keys that went with the old kind.
    """

    values: dict[str, Any]
    locations: Mapping[KeyPath, str]
    lost: Mapping[KeyPath, tuple[str, ...]] = field(default_factory=dict)

    def lost_above(self, path: KeyPath) -> str:
        """A note for messages on a key in a block whose kind was changed; empty for any other."""
        for block, keys in self.lost.items():
            if path[: len(block)] == block and keys:
                kind = self.location_of((*block, "kind")) or self.location_of(block)
                return (
                    f"; another kind replaces the whole block {'.'.join(block)} ({kind}): {', '.join(keys)} of the old "
                    "one went with it, so state here what the new kind needs"
                )
        return ""

    def location_of(self, path: KeyPath) -> str:
        """The location of a key; that of its nearest parent if the key has none."""
        while path and path not in self.locations:
            path = path[:-1]
        return self.locations.get(path, "")


def read_layer(path: Path) -> Layer:
    """The layer of a file, merged with the files that it extends.

    Raises
    ------
    ConfigError
        The file is missing, not UTF-8, not YAML, has a duplicate key, or extends itself.
    """
    return _read(path, ())


def _read(path: Path, children: tuple[Path, ...]) -> Layer:
    """The layer of a file that ``children`` extend, the topmost first."""
    resolved = path.resolve()
    if resolved in children:
        chain = " -> ".join(file.name for file in (*children, resolved))
        raise ConfigError(f"{path}: `extends` runs in a circle ({chain}); let one of them stand alone")
    return _extended(_parse(_text(path), str(path)), resolved.parent, (*children, resolved))


def layer_from_mapping(values: Mapping[str, Any], name: str) -> Layer:
    """The layer of a plain mapping; ``extends`` and relative paths start at the working directory.

    Raises
    ------
    ConfigError
        A value is not plain, or a file that it extends cannot be read.
    """
    try:
        layer = Layer(_plain(values), {(str(key),): name for key in values})
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    return _extended(layer, Path.cwd(), ())


def _extended(layer: Layer, folder: Path, children: tuple[Path, ...]) -> Layer:
    """The layer with absolute paths, merged with the files that it extends."""
    values = _absolute(layer.values, folder)
    parent = values.pop("extends", None)
    layer = replace(layer, values=values)
    if parent is None:
        return layer
    if not isinstance(parent, str):
        raise ConfigError(f"{layer.location_of(('extends',))}: extends: must be one file name; given {parent!r}")
    base = folder / parent
    if not base.is_file():
        raise ConfigError(f"{layer.location_of(('extends',))}: extends: there is no file {parent!r} in {folder}")
    return merge(_read(base, children), layer)


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


@lru_cache(maxsize=128)
def _parse(text: str, name: str) -> Layer:
    """The layer of a text, without what it extends; callers copy its values before they change them."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="rt", pure=True)
    yaml.Resolver = _resolver()
    try:
        root = yaml.compose(text)
        _require_text_keys(root, name)
        tree = None if root is None else yaml.constructor.construct_document(root)
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
        raise ConfigError(f"{name}: must hold a mapping of keys to values; it holds {_content(tree)}")
    try:
        return Layer(_plain(tree), dict(_locations(tree, name, ())))
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None


def _require_text_keys(root: Any, name: str) -> None:
    """Refuse a key that YAML does not read as text, as it is written in the file.

    Raises
    ------
    ConfigError
        One line: location, the key, and how to write it.
    """
    pending = [root]
    seen: set[int] = set()  # an alias is the same node once more
    while pending:
        node = pending.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        pairs = node.value if node.id == "mapping" else ()
        for key, _ in pairs:
            if key.id == "scalar" and key.tag not in TEXT_TAGS:
                kind = KINDS.get(key.tag.rpartition(":")[2], "something else")
                raise ConfigError(f"{name}:{key.start_mark.line + 1}: {_no_text(f'key {key.value}', kind, key.value)}")
        pending += node.value if node.id == "sequence" else ()
        pending += [item for _, item in pairs]


def _content(tree: Any) -> str:
    """The content of a file that holds no mapping, for messages."""
    if tree is None:
        return "nothing"
    return "a list" if isinstance(tree, list) else f"the text {str(tree)[:40]!r}"


def _yaml_problem(problem: str | None) -> str:
    if problem and "'\\t'" in problem:
        return "a tab is used for indentation; use spaces"
    return problem or "unknown problem"


@cache
def _resolver() -> type:
    """YAML 1.2, but a date stays text: a date field parses it, and its error names the key."""
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
        return {_text_key(key): _plain(item) for key, item in node.items()}
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
    raise ConfigError(f"{_type_name(node)} is not accepted; write plain values")


def _text_key(key: Any) -> str:
    """A key of a mapping, which must be text: a symbol 000010 would become 10 in silence."""
    if isinstance(key, str):
        return str(key)
    raise ConfigError(f"key {key!r} is not text but a {type(key).__name__}; write it in quotes: '{key}'")


def _no_text(name: str, kind: str, text: str) -> str:
    """The message for something that YAML does not read as text."""
    return f"{name} is not text: YAML reads it as {kind}; write it in quotes: '{text}'"


def _type_name(node: Any) -> str:
    tag = getattr(node, "tag", None)
    return f"a YAML tag ({tag})" if tag else f"a {type(node).__name__}"


def _locations(node: Any, name: str, path: KeyPath) -> Iterable[tuple[KeyPath, str]]:
    is_mapping = isinstance(node, Mapping)
    marks = node.lc
    items = node.items() if is_mapping else enumerate(node)
    for key, item in items:
        # A key that `<<` merges in has no line here; messages give the line of its mapping.
        if key not in (marks.data or {}):
            continue
        line, _ = marks.key(key) if is_mapping else marks.item(key)
        key_path = (*path, str(key))
        yield key_path, f"{name}:{line + 1}"
        if isinstance(item, Mapping | list):
            yield from _locations(item, name, key_path)


def merge(base: Layer, top: Layer) -> Layer:
    """``top`` over ``base``: mappings merge deeply; lists and mappings of another ``kind`` replace the old ones."""
    replaced = tuple(_replaced(base.values, top.values, ()))
    valid = {path: location for path, location in base.locations.items() if not _is_below(path, replaced)}
    lost = {**base.lost, **top.lost, **dict(_lost(base.values, top.values, ()))}
    return Layer(_merged(base.values, top.values), {**valid, **top.locations}, lost)


def _lost(base: dict[str, Any], top: dict[str, Any], path: KeyPath) -> Iterable[tuple[KeyPath, tuple[str, ...]]]:
    """The blocks of ``base`` that another kind replaces, each with its keys that ``top`` does not state."""
    if path and _another_kind(base, top):
        yield path, tuple(key for key in base if key not in (*top, "kind"))
        return
    for key in base.keys() & top.keys():
        if _both_mappings(base[key], top[key]):
            yield from _lost(base[key], top[key], (*path, key))


def _is_below(path: KeyPath, parents: Iterable[KeyPath]) -> bool:
    return any(path[: len(parent)] == parent for parent in parents)


def _replaced(base: dict[str, Any], top: dict[str, Any], path: KeyPath) -> Iterable[KeyPath]:
    """The keys of ``base`` whose values are replaced by ``top`` entirely: their locations are out of date."""
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
    if "kind" in base and "kind" not in top:
        return FILE in top and FILE not in base  # a class of one's own in the place of a rule
    return "kind" in top and (top["kind"] != base.get("kind", top["kind"]) or (FILE in base and "kind" not in base))


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
    locations = {parts[: depth + 1]: source for depth in range(len(parts))}
    return merge(layer, Layer(_absolute(inner, Path.cwd()), locations))


def _absolute(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The values with absolute paths in all blocks that name files; a relative path starts at its file's folder."""

    def resolved(text: str) -> str:
        return str((folder / Path(text).expanduser()).resolve())

    def visit(key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [visit(key, item) for item in value]
        if not isinstance(value, dict):
            return value
        inner = {name: visit(name, item) for name, item in value.items()}
        path_keys = BLOCKS_WITH_PATHS.get(key, ())
        return {name: _map_texts(item, resolved) if name in path_keys else item for name, item in inner.items()}

    return {key: visit(key, value) for key, value in values.items()}


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A value with a function applied to each text in it."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_texts(item, change) for key, item in value.items()}
    return value
