# make demo, make test, make test-long, make check, make bench, make clean.
# Each makes its own .venv first where there is none (PYTHON=python3.12 chooses the interpreter).

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -q --durations=5 --durations-min=10

.PHONY: help demo test test-long check bench clean
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

help:
	@echo 'make demo       a shop that loses a minion and heals; a cluster under three policies'
	@echo 'make test       the tests, except the long ones'
	@echo 'make test-long  the long tests'
	@echo 'make check      ruff, mypy --strict, import-linter'
	@echo 'make bench      what a run costs, normalised to a reference load'
	@echo 'make clean      remove caches and the virtual environment; runs and sweeps stay'

$(READY): pyproject.toml constraints.txt .ci/venv
	@.ci/venv "$(PYTHON)" "$(VENV)"
	@touch $@

demo: $(READY)
	@$(BIN)/python -m experiments.demo

# Tests marked `adapter` talk to something outside: they run last, and alone.
test: $(READY)
	@$(PYTEST) -n $(WORKERS) -m 'not long and not adapter'
	@if grep -rqs --include='test_*.py' 'mark\.adapter' tests; then $(PYTEST) -m 'adapter and not long'; fi

test-long: $(READY)
	@$(PYTEST) --timeout=3600 -n $(WORKERS) -m long

# All four run, so that one look shows everything.
check: $(READY)
	@failed=0; \
	step() { echo "$$*"; "$(BIN)/$$@" || failed=1; }; \
	step ruff check --quiet --output-format concise .; \
	step ruff format --quiet --check --output-format concise .; \
	step mypy --strict; \
	step lint-imports --no-logo; \
	exit $$failed

bench: $(READY)
	@$(BIN)/python -m experiments.benchmarks

clean:
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find sim models experiments tests -name __pycache__ -type d -prune -exec rm -rf {} +
