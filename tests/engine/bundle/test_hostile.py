"""What a stranger's bundle can contain: refused with one line, by the file, without a crash."""

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StoreError
from engine.bundle.contents import DESCRIPTION, SIGNATURE, WEIGHTS, digest_of
from engine.bundle.read import load_bundle
from engine.bundle.train import train


@pytest.fixture
def copy(ensemble_bundle, tmp_path):
    return shutil.copytree(ensemble_bundle.folder, tmp_path / "copy")


def reason(folder, **how):
    with pytest.raises(StoreError) as raised:
        load_bundle(folder, **how)
    assert str(folder) in raised.value.line
    assert "\n" not in raised.value.line
    return raised.value.line


def rewritten(folder, change):
    """A description that was changed by a stranger who knows its form."""
    values = json.loads((folder / DESCRIPTION).read_text())
    change(values)
    (folder / DESCRIPTION).write_text(json.dumps({**values, "digest": digest_of(values)}))


def with_weights(folder, content: bytes):
    """Other weights, with a description that knows them."""
    (folder / WEIGHTS).write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    rewritten(folder, lambda values: values.update(files={WEIGHTS: entry}))


def changed_array(folder, part, change):
    arrays = safetensors.numpy.load((folder / WEIGHTS).read_bytes())
    name = next(name for name in sorted(arrays) if part in name)
    arrays[name] = change(arrays[name].copy())
    with_weights(folder, safetensors.numpy.save({key: np.ascontiguousarray(item) for key, item in arrays.items()}))


@pytest.mark.parametrize("file", [DESCRIPTION, WEIGHTS])
def test_truncated_at_twenty_places(copy, file):
    whole = (copy / file).read_bytes()
    for part in range(20):
        (copy / file).write_bytes(whole[: len(whole) * part // 20])
        assert file in reason(copy) or "describes no bundle" in reason(copy)


@pytest.mark.parametrize("file", [DESCRIPTION, WEIGHTS])
def test_two_hundred_flipped_bits(copy, file):
    whole = (copy / file).read_bytes()
    random = np.random.default_rng(1)
    for place in random.integers(0, 8 * len(whole), 200).tolist():
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        (copy / file).write_bytes(bytes(flipped))
        assert file in reason(copy, force=True)


def test_a_signature_notices_every_change(ensemble_config, tmp_path):
    key = b"0123456789abcdef"
    folder = tmp_path / "signed"
    train(ensemble_config, folder, key=key)
    assert load_bundle(folder, key=key).contents.name == "kept"
    assert "another key" in reason(folder, key=b"fedcba9876543210")
    rewritten(folder, lambda values: values.update(name="other"))
    assert "the bundle was changed" in reason(folder, key=key)
    (folder / SIGNATURE).unlink()
    assert "was not signed" in reason(folder, key=key)


def test_a_number_that_was_changed_by_hand_is_noticed(copy):
    text = (copy / DESCRIPTION).read_text()
    assert text.count('"base": 0.02') == 1
    (copy / DESCRIPTION).write_text(text.replace('"base": 0.02', '"base": 0.03'))
    assert "bundle.json: was changed: its content is not that of its digest" in reason(copy)


def test_another_layout_of_the_same_description_is_the_same(copy, ensemble_bundle):
    values = json.loads((copy / DESCRIPTION).read_text())
    (copy / DESCRIPTION).write_text(json.dumps(dict(reversed(values.items())), indent=7))
    assert load_bundle(copy).contents == ensemble_bundle.contents


def test_files_that_do_not_belong_there(copy, tmp_path):
    (copy / "model.pkl").write_bytes(b"cos\nsystem\n")
    assert "model.pkl: does not belong to a bundle" in reason(copy)
    (copy / "model.pkl").unlink()
    secret = tmp_path / "secret"
    shutil.move(copy / WEIGHTS, secret)
    (copy / WEIGHTS).symlink_to(secret)
    assert "is a link" in reason(copy)
    (copy / WEIGHTS).unlink()
    (copy / WEIGHTS).mkdir()
    assert "is a link or no file" in reason(copy)
    shutil.rmtree(copy / WEIGHTS)
    assert "it has no weights.safetensors" in reason(copy)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda values: values.update(version=2), "has the format 2, this program reads 1"),
        (lambda values: values.update(version="1"), "has the format '1'"),
        (lambda values: values.update(format="pickle"), "format: "),
        (lambda values: values.update(extra=1), "extra: "),
        (lambda values: values.pop("cut"), "cut: "),
        (
            lambda values: values.update(files={"../../etc/passwd": values["files"][WEIGHTS]}),
            "names the files ../../etc",
        ),
        (lambda values: values["files"][WEIGHTS].update(size=10**18), "size: "),
        (lambda values: values["config"]["model"].update(kind="os.system"), "known: buy_and_hold, ensemble"),
        (lambda values: values["config"].update(strategy={"kind": "threshold", "entry": "x"}), "the config in it"),
        (lambda values: values["parts"][""]["model"].update(weights={"lstm": 9.0}), "the weights must be numbers"),
        (lambda values: values["parts"][""]["model"]["members"]["xgboost"].pop("start"), "'start' is missing"),
        (lambda values: values.update(features=["a", "b"]), "must be (2, 2)"),
        (lambda values: values.update(parts={}), "there is no fit in it"),
        (lambda values: values["parts"].update(B=values["parts"][""]), "is missing"),
    ],
)
def test_descriptions_of_strangers(copy, change, text):
    rewritten(copy, change)
    assert text in reason(copy, force=True)


def circle(array):
    array[0] = 0
    return array


@pytest.mark.parametrize(
    ("part", "change", "text"),
    [
        ("random_forest.left", circle, "leads to a node that is not below it"),
        ("lightgbm.right", lambda array: array + 10**9, "leads to a node that is not below it"),
        ("xgboost.feature", lambda array: np.where(array >= 0, array + 1000, array), "the trees look at"),
        ("random_forest.threshold", lambda array: array.astype("float32"), "numbers are float32"),
        ("xgboost.value", lambda array: array * np.nan, "not finite"),
        ("lstm.head.weight", lambda array: array[:, :-1], "has the shape"),
        ("lstm.lstm.weight_ih_l0", lambda array: array.T, "has the shape"),
        ("scaler.scale", lambda array: array * 0, "the scaler is not one"),
        ("ranges", lambda array: array[:-1], "has the shape"),
        ("test_input.X", lambda array: array[:, :1], "self-test"),
        ("test_input.close", lambda array: array[:1], "self-test"),
        ("test_answer.prediction", lambda array: array * (1 + 1e-15), "answers another prediction than it must"),
        ("lightgbm.value", lambda array: array * 1.01, "self-test answers another"),
    ],
)
def test_arrays_of_strangers(copy, part, change, text):
    changed_array(copy, part, change)
    assert text in reason(copy, force=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 9) + b'{"a": 1}}',
        struct.pack("<Q", 58) + b'{"a":{"dtype":"F64","shape":[99999999],"data_offsets":[0,8]}}'[:58] + b"0" * 8,
        b"PK\x03\x04" + b"0" * 100,
    ],
)
def test_weights_of_strangers(copy, content):
    with_weights(copy, content)
    reason(copy, force=True)


@settings(max_examples=200)
@given(content=st.binary(max_size=200), file=st.sampled_from([DESCRIPTION, WEIGHTS]))
def test_any_bytes(ensemble_bundle, tmp_path_factory, content, file):
    folder = tmp_path_factory.getbasetemp() / "any-bytes"
    if not folder.exists():
        shutil.copytree(ensemble_bundle.folder, folder)
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(content)
    with pytest.raises(StoreError):
        load_bundle(folder, force=True)
    (folder / file).write_bytes(whole)


def test_other_versions_are_refused_unless_forced(copy):
    rewritten(copy, lambda values: values["versions"].update(numpy="1.0"))
    assert "numpy 1.0 there" in reason(copy)
    assert load_bundle(copy, force=True).contents.versions["numpy"] == "1.0"


def test_no_code_is_run_on_the_load_path(ensemble_bundle, tmp_path):
    """A process in which pickle, marshal, eval and exec are poisoned loads and uses a bundle."""
    program = tmp_path / "poisoned.py"
    program.write_text(
        "import sys\n"
        "from engine.bundle.read import load_bundle\n"
        "import signals.models.ensemble, signals.confidence.calibrated\n"
        "import builtins, marshal, pickle\n"
        "from pathlib import Path\n"
        "def poison(*_, **__):\n"
        "    raise SystemExit('poisoned')\n"
        "honest = builtins.exec\n"
        "for module, names in ((pickle, ('load', 'loads', 'Unpickler')), (builtins, ('eval',))):\n"
        "    for name in names:\n"
        "        setattr(module, name, poison)\n"
        "print(load_bundle(Path(sys.argv[1])).contents.name)\n"
    )
    done = run_program(program, ensemble_bundle.folder)
    assert (done.returncode, done.stdout.strip()) == (0, "kept"), done.stderr


def test_no_library_that_trains_is_imported(ensemble_bundle, ensemble_config, tmp_path):
    """Nor one that talks to a database: a bundle of all four models decides without them."""
    market = ensemble_config.data.load()
    program = tmp_path / "light.py"
    program.write_text(
        "import sys\n"
        "from engine import load_bundle\n"
        "from marketdata.data_spec import DataSpec\n"
        "bundle = load_bundle(sys.argv[1])\n"
        "market = DataSpec.parse(bundle.contents.config['data']).load()\n"
        "print(len(bundle.decide(market).rows))\n"
        "print(*{'torch', 'lightgbm', 'xgboost', 'sklearn', 'backtrader', 'sqlalchemy'} & set(sys.modules))\n"
    )
    assert {member.kind for member in ensemble_config.model.members} >= {"lstm", "random_forest", "xgboost", "lightgbm"}
    assert run_program(program, ensemble_bundle.folder).stdout.split() == [str(len(market.trade))]


def run_program(program, folder):
    return subprocess.run(
        [sys.executable, str(program), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
