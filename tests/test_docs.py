"""Every command, config and line of Python in the docs works as written, and the pages are built."""

import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from engine.cli.main import app
from engine.config.yaml_layers import Layer, read_layer
from engine.sweep.load_config import validate

pytestmark = pytest.mark.early
ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
RECIPES = "CONTRIBUTING.md"  # its plug-ins and configs are carried out by test_recipes.py
STRATEGIES = "strategies.md"  # its example is carried out by tests/engine/test_strategy_page.py
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def blocks(language: str) -> list[tuple[str, str]]:
    pattern = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [(page.name, block) for page in PAGES for block in pattern.findall(page.read_text(encoding="utf-8"))]


SERVING = "serving.md"  # its commands are carried out in their order by tests/serving/test_serving_page.py


def commands() -> list[str]:
    pages = [block for page, block in blocks("sh") if page != SERVING]
    lines = (line.partition("#")[0].strip() for block in pages for line in block.splitlines())
    return sorted({line for line in lines if line})


MAKE = [line for line in commands() if line.startswith("make ")]
RUN = [line for line in commands() if "run_backtest.py" in line]
KEPT = [line for line in RUN if line.partition("run_backtest.py ")[2].split()[0] in ("train", "bundle", "predict")]
AGAIN = [line for line in RUN if " reproduce " in line]
REVIEWED = [line for line in RUN if re.search(r"run_backtest\.py (review|compare|export|report|list runs)\b", line)]


def test_the_docs_hold_commands_of_known_kinds_only():
    assert len(RUN) >= 6
    assert len(MAKE) >= 5
    assert set(commands()) == set(MAKE) | set(RUN)


@pytest.mark.parametrize("line", MAKE)
def test_make_knows_its_targets(line):
    words = shlex.split(line)[1:]
    assert {word for word in words if "=" not in word} <= TARGETS
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in RUN if line not in (*AGAIN, *KEPT, *REVIEWED)])
def test_commands_run_as_written(line, tmp_path, monkeypatch, shared_cache):
    monkeypatch.chdir(ROOT)
    words = shlex.split(line.partition("run_backtest.py")[2])
    runs = (words[0].endswith(".yaml") and "--check" not in words) or words[0] == "audit"
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path)] if runs else words, catch_exceptions=False)
    assert done.exit_code == 0
    named = {Path(word).stem.replace("_", "-") for word in words if word.endswith(".yaml")}
    folders = {folder.name.removesuffix("-audit").rpartition("-")[0] for folder in tmp_path.iterdir()}
    assert folders == (named if runs else set())


@pytest.mark.slow
@pytest.mark.parametrize("line", AGAIN)
def test_runs_are_made_again_as_written(line, tmp_path, monkeypatch, shared_cache):
    """The folder that the page names is first written by the config of its name; its id is another one in time."""
    words = shlex.split(line.partition("run_backtest.py")[2])
    name = Path(words[-1]).name.removesuffix("-*").replace("-", "_")
    runner = CliRunner()
    runner.invoke(
        app, [str(ROOT / "configs" / f"{name}.yaml"), "--out", str(tmp_path / "runs")], catch_exceptions=False
    )
    monkeypatch.chdir(tmp_path)
    [folder] = map(str, Path().glob(words[-1]))
    done = runner.invoke(app, [*words[:-1], folder], standalone_mode=False, catch_exceptions=False)
    assert done.return_value == 0
    page = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
    assert done.stdout.partition(": ")[2] in page


@pytest.mark.slow
def test_bundles_are_made_and_used_as_written(tmp_path, monkeypatch, shared_cache):
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    lines = [line.strip() for name, block in blocks("sh") if name == "bundles.md" for line in block.splitlines()]
    assert sorted(lines) == KEPT
    for line in lines:
        words = shlex.split(line.partition("run_backtest.py")[2])
        assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0, line


@pytest.mark.slow
def test_reviews_are_made_as_written(tmp_path, monkeypatch, shared_cache):
    runner = CliRunner()
    for name in ("sma_cross", "buy_and_hold"):
        words = [str(ROOT / "configs" / f"{name}.yaml"), "data.end=2003-12-31", "--out", str(tmp_path / "runs")]
        runner.invoke(app, words, catch_exceptions=False)
    monkeypatch.chdir(tmp_path)
    for line in REVIEWED:
        words = shlex.split(line.partition("run_backtest.py")[2])
        words = [path for word in words for path in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
        if "--serve" in words:
            _serve_and_stop(words)
            continue
        done = runner.invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, line
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"runs/review.html", "review.pdf", "tables/trades.csv"} <= files
    assert any(re.fullmatch(r"tables/sma-cross-\w+\.xlsx", name) for name in files)
    assert any(re.fullmatch(r"runs/sma-cross-\w+/report\.pdf", name) for name in files)


def _serve_and_stop(words):
    """The served page answers at the address that was printed, and an interrupt ends the server with exit code 0."""
    with subprocess.Popen(
        [sys.executable, str(ROOT / "run_backtest.py"), *words], stdout=subprocess.PIPE, text=True
    ) as server:
        address = server.stdout.readline().split()[0]
        with urllib.request.urlopen(address, timeout=120) as answer:  # noqa: S310 - http, on this machine
            assert b"review-data" in answer.read()
        server.send_signal(signal.SIGINT)
        assert server.wait(120) == 0


CONFIGS = [(page, block) for page, block in blocks("yaml") if page not in (RECIPES, STRATEGIES)]
LONG = {"python.md", "engines.md", "bundles.md", "porting.md", "serving.md"}
"""Pages whose code compiles kernels, sweeps thousands of settings, or trains."""
PYTHON = {page: block for page, block in blocks("python") if page != RECIPES}


@pytest.fixture
def beside_configs(tmp_path, monkeypatch):
    """A working directory with the project's configs in it, and nothing else."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("page", "block"), CONFIGS, ids=lambda text: text.split("\n")[0])
def test_configs_in_the_docs_are_valid(page, block, beside_configs):
    path = beside_configs / "block.yaml"
    path.write_text(block, encoding="utf-8")
    validate(Layer(read_layer(path).values, {}), page)


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.slow if page in LONG else ()) for page in PYTHON]
)
def test_python_in_the_docs_runs_from_top_to_bottom(page, beside_configs, monkeypatch):
    lines = "\n".join(block for name, block in blocks("python") if name == page)
    module = ModuleType("docs")
    monkeypatch.setitem(sys.modules, "docs", module)  # backtrader looks for the modules of strategies there
    exec(compile(lines, page, "exec"), vars(module))  # noqa: S102 - that is what is tested


# --- the built pages


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    done = build(ROOT, out)
    assert done.returncode == 0, done.stderr
    return out


def build(folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(out)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


class Resources(HTMLParser):
    """What a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.found += [value for key in ("src", "srcset", "data", "poster") if (value := given.get(key))]
        if tag == "link" and given.get("rel") != "canonical":
            self.found.append(given["href"])


def test_built_pages_load_nothing_from_the_network(site):
    for page in site.rglob("*.html"):
        parser = Resources()
        parser.feed(page.read_text(encoding="utf-8"))
        assert parser.found, page.name
        assert [text for text in parser.found if re.match(r"([a-z]+:)?//", text)] == [], page.name
    for sheet in site.rglob("*.css"):
        loaded = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s]+)", sheet.read_text(encoding="utf-8"))
        assert [text for text in loaded if re.match(r"([a-z]+:)?//", text)] == [], sheet.name


def test_the_pages_stand_in_the_order_in_which_a_newcomer_asks(site):
    page = (site / "index.html").read_text(encoding="utf-8")
    places = [page.index(f'href="{name}.html"') for name in ("data", "reading", "concepts", "config", "cli")]
    later = [page.index(f'href="{name}.html"') for name in ("CONTRIBUTING", "python", "architecture")]
    assert places + later == sorted(places + later)
    assert "0.02 x 0.6 x 10,000" in (site / "concepts.html").read_text(encoding="utf-8")


def test_a_broken_link_fails_the_build(tmp_path):
    for name in ("docs", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("mkdocs.yml", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "docs" / "data.md").write_text("[gone](nowhere.md)", encoding="utf-8")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


def test_links_between_pages_lead_somewhere():
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
