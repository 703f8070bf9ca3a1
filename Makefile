# Canh Sóng: every target sets up what it needs in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.canhsong-ready
# numeric libraries: one thread each, so that figures are figures of one core
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: demo test test-services lint check bench soak corpus schema clean hil-virtual kit help

help:
	@echo "make demo           a replayed band becomes detections on a page"
	@echo "make test           the tests that need nothing but Python"
	@echo "make test-services  the tests that need Chromium, gr-gsm and their like (.ci/run installs them)"
	@echo "make check          lint, types, import contracts, tests"
	@echo "make bench          every figure, as ratios in one run; curves into docs/figures"
	@echo "make hil-virtual    the live station's tests on the virtual dongle"
	@echo "make kit            an offline bundle that installs both programs on a bare Debian 12, into kit/"
	@echo "make soak           20 minutes of random faults between stations and a collector, and the count at the end"
	@echo "make corpus         a small SigMF corpus with its truth, into corpus/"

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed: sudo apt-get install python3 (or make PYTHON=python3.11 ...)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "python3-venv is missing: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[station,collector,dev]' 2>$(VENV)/pip.log \
	  || { cat $(VENV)/pip.log >&2; exit 1; }
	@$(BIN)/python -m station.first_run
	@touch $@

demo: $(STAMP)
	@$(BIN)/canhsong-station demo

test: $(STAMP)
	@$(BIN)/python -m pytest -m "not services and not slow" -n auto --dist loadgroup

test-services: $(STAMP)
	@$(BIN)/python -m pytest -m "services and not slow"

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint test

bench: $(STAMP)
	@missed=""; for script in tests/benchmarks/bench_*.py; do echo "== $$script"; \
	  $(BIN)/python $$script --out docs/figures || missed="$$missed $$script"; done; \
	  test -z "$$missed" || { echo "limits missed in:$$missed" >&2; exit 1; }

soak: $(STAMP)
	@$(BIN)/python -m tests.end_to_end.soak --minutes $(or $(MINUTES),20)

corpus: $(STAMP)
	@$(BIN)/python tests/corpus/make_corpus.py corpus

hil-virtual: $(STAMP)
	@$(BIN)/python -m pytest tests/hil

kit: $(STAMP)
	@PYTHON=$(abspath $(BIN)/python) deploy/make_kit.sh kit

schema: $(STAMP)
	@$(BIN)/python -m config.make_schema

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
