# Two commands on a fresh machine: `make demo` and `make test`. Both need Python 3.11 to 3.13 and
# PyPI, no root; both keep everything they install in .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check -q

.PHONY: demo test check wheel clean

demo: .venv/.build   ## prune, int8, compile, flash and profile a small network on a virtual board
	$(BIN)/edgeprune demo

test: .venv/.dev     ## everything that CI runs: format, lint, types, tests
	$(BIN)/python tools/check.py

wheel: .venv/.dev
	$(BIN)/python -m build --wheel --outdir dist

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); \
	  sys.exit(None if ok else "edgeprune needs Python 3.11 to 3.13, this is " + sys.version.split()[0] + "; try: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade pip

.venv/.build: pyproject.toml .venv/bin/python
	@echo "installing edgeprune[build] into .venv: about 2 GB with TensorFlow, a few minutes"
	$(PIP) install -e '.[build]'
	@touch $@

.venv/.dev: pyproject.toml .venv/bin/python
	@echo "installing edgeprune[dev] into .venv: about 3 GB with TensorFlow, a few minutes"
	$(PIP) install -e '.[dev]'
	@touch $@ .venv/.build
