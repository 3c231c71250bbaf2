"""A coverage-guided fuzzer of loading bundles: ``python fuzz_bundle.py BUNDLE [options of libFuzzer]``.

An input is a description (it begins with ``{``), or weights. Its digests are made right, so that the checks behind them
are reached, too. A bundle is loaded or refused with a StoreError of one line; whatever else happens is a finding: an
error of another kind, the end of the process, more than 4 GB, or ten minutes.
"""

import hashlib
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["engine.bundle", "signals.models", "signals.stored", "signals.scaling", "signals.confidence"]
):
    from engine.bundle.contents import DESCRIPTION, WEIGHTS, digest_of
    from engine.bundle.read import load_bundle

from core.errors import StoreError

HOSTILE = (
    *(None, True, 0, -1, 1, 2**31, 10**30, 0.5, -0.0, 1e308, "", "x", "../../x", "os.system", "\ud800", "\x00"),
    *([], {}, [[]], [0], {"": 0}, [None] * 1000, {"kind": "ensemble"}, {"kind": []}, {"kind": "lstm", "members": {}}),
)


def leaves(value, path=()):
    """The path of every value inside a JSON document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from leaves(item, (*path, key))


def changed(document, draw):
    """A document with one value replaced, removed, or moved from elsewhere in it."""
    paths = list(leaves(document))
    if not paths:
        return document
    *way, last = draw.choice(paths)
    parent = document
    for key in way:
        parent = parent[key]
    if draw.random() < 0.2:
        del parent[last]
    elif draw.random() < 0.3:
        parent[last] = at(document, draw.choice(paths)) if draw.random() < 0.5 else [parent[last]]
    else:
        parent[last] = draw.choice(HOSTILE)
    return document


def at(document, path):
    """The value at a path, as a copy; None where it is no longer there."""
    for key in path:
        try:
            document = document[key]
        except (LookupError, TypeError):
            return None
    return json.loads(json.dumps(document))


def mutated(data, max_size, seed):
    """A description changed as a document, three times in four; anything else as bytes."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    if data[:1] == b"{" and draw.random() < 0.75:
        try:
            document = json.loads(data)
            for _ in range(draw.choice((1, 1, 2, 4))):
                document = changed(document, draw)
            return json.dumps(document).encode()[:max_size]
        except (ValueError, RecursionError):
            pass
    return atheris.Mutate(data, max_size)


class Loading:
    """Loads what an input makes of a bundle."""

    def __init__(self, bundle: Path) -> None:
        self.original = bundle
        self.folder = Path(tempfile.mkdtemp()) / "bundle"
        shutil.copytree(bundle, self.folder)
        self.counts = {"loaded": 0, "refused": 0}

    def __call__(self, data: bytes) -> None:
        """Load one; a finding is raised."""
        self.write(data)
        try:
            load_bundle(self.folder, force=True)
            self.counts["loaded"] += 1
        except StoreError as error:
            if "\n" in error.line:
                raise ValueError(f"several lines: {error.line!r}") from error
            self.counts["refused"] += 1

    def write(self, data: bytes) -> None:
        """Put an input into the folder, with digests that are right."""
        description = (self.original / DESCRIPTION).read_bytes()
        if data[:1] == b"{":
            description = data
            data = (self.original / WEIGHTS).read_bytes()
        (self.folder / WEIGHTS).write_bytes(data)
        (self.folder / DESCRIPTION).write_bytes(with_digests(description, data))


def with_digests(description: bytes, weights: bytes) -> bytes:
    """The description of these weights; what is no description stays as it is."""
    try:
        values = json.loads(description)
        entry = values["files"][WEIGHTS]
        entry.update(sha256=hashlib.sha256(weights).hexdigest(), size=len(weights))
        return json.dumps({**values, "digest": digest_of(values)}).encode()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return description


def main() -> None:
    """Fuzz until libFuzzer's limit; the last line on stderr counts the inputs."""
    bundle = Path(sys.argv.pop(1))
    corpus = Path(tempfile.mkdtemp())
    for name in (DESCRIPTION, WEIGHTS):
        shutil.copy(bundle / name, corpus / name)
    loading = Loading(bundle)
    options = ["-rss_limit_mb=4000", "-timeout=600", "-max_len=400000", "-len_control=0", f"-artifact_prefix={corpus}/"]
    atheris.Setup([sys.argv[0], str(corpus), *options, *sys.argv[1:]], loading, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
