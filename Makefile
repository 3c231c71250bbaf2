# Each target makes what it needs: a fresh machine needs Python 3.11+, make and the package index, nothing else.
# Options for pip go through PIP_ARGS, for example a CPU-only torch index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_ARGS ?=
# Processes that run the tests; each file's stay together, and what takes long begins (marker `early`).
JOBS ?= auto
CONFIG ?= configs/quickstart.yaml
ARGS ?=
PYTEST := $(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt $(PIP_ARGS)
# One thread per worker; idle OpenMP threads sleep instead of spinning.
export OMP_NUM_THREADS := 1
export GOMP_SPINCOUNT := 0
export OMP_WAIT_POLICY := PASSIVE
# Processes by the hundred share the compiled modules of this project: a quarter of the time that each takes to start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install backtest browser test test-slow test-processor test-install check bench docs fix lock golden clean

install: $(VENV)/installed

backtest: $(VENV)/installed
	$(BIN)/python run_backtest.py $(CONFIG)

# The pages' tests need Chromium: Debian's package where it is missing and may be installed, else they are skipped.
browser:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null 2>&1 && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && apt-get install -y -q chromium; then exit 0; fi; \
	echo "no Chromium: the tests of the pages in a browser are skipped (as root: apt-get install chromium)"

test: $(VENV)/installed-dev browser
	$(PYTEST) -m "not slow" $(ARGS)

test-slow: $(VENV)/installed-dev browser
	$(PYTEST) -m slow $(ARGS)

# As on a processor without AVX; on one that has no AVX2, OpenBLAS cannot run Haswell's kernels.
test-processor: $(VENV)/installed-dev
	ATEN_CPU_CAPABILITY=default OPENBLAS_CORETYPE=Haswell $(BIN)/python -m pytest -q -m processor tests $(ARGS)

# Every config of the README's table over a short span, after `make install` alone, in an environment of its own.
test-install:
	rm -rf build/install-venv
	$(MAKE) install VENV=build/install-venv
	build/install-venv/bin/python tools/run_shipped_configs.py

check: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_lock.py
	$(BIN)/mkdocs build

# The peers come from the extra of this name; ARGS chooses the work, for example ARGS="sweep one".
bench: $(VENV)/installed
	$(PIP) -e ".[bench]"
	$(BIN)/python benchmarks/engines.py $(ARGS)

# Never --quiet: mkdocs would not see the warnings that `strict` makes errors.
docs: $(VENV)/installed-dev
	$(BIN)/mkdocs build

fix: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -q "uv>=0.6" packaging
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --fork-strategy fewest --upgrade --python-version 3.11 --no-annotate \
		--no-header --no-emit-index-url --no-emit-find-links -o constraints.txt
	$(BIN)/python tools/check_lock.py --clean

golden: $(VENV)/installed-dev
	$(BIN)/python tests/golden/rewrite.py

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "backtrader-ml needs Python 3.11 or newer; this is " + sys.version.split()[0] + ": run make with PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# With the extras that the shipped configs, the README and the docs use.
$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e ".[calendars,cluster,serve,talib,text,xlsx]"
	touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e ".[dev]"
	touch $@ $(VENV)/installed
