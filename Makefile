# The README's two commands are `make demo` and `make test`. Each sets itself up: a virtual environment in
# .venv, made again only when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo pymesos test test-cgroup2 check bench format clean

demo: $(READY)
	$(BIN)/python -m examples.wordcount.demo

pymesos: $(READY)
	$(BIN)/python -m examples.pymesos_minimal.demo

test: $(READY)
	$(BIN)/python -m pytest --cov --cov-report=term

# The checks of control groups v2, in an emulated machine that has all of its controllers: some minutes.
test-cgroup2:
	tests/cgroup2/run.sh

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ostrom needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "installing python3-venv, which Debian keeps apart from python3"; \
		apt-get update -qq && apt-get install -y -qq python3-venv; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --editable '.[dev]'
	@touch $@
