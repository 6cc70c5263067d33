# Everything a developer runs. `make` alone lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-deployed check bench bench-gate bench-replay bench-query simulate volume mutants package lock release

help:    ## list the targets
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/:/' | column -s: -t

setup: $(VENV)/.dev    ## make .venv and install everything a developer needs

# The demo needs less than the tests: a stamp a set of extras keeps its set-up short.
$(VENV)/.local: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --editable '.[local]'
	@touch $@

$(VENV)/.dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --editable '.[dev]'
	@touch $@ $(VENV)/.local

demo: $(VENV)/.local    ## items expire, travel, land and answer SQL; ARGS="--format csv" passes options
	@$(BIN)/ttl-archive demo $(ARGS)

test: $(VENV)/.dev    ## all tests, in random order; ARGS="-p no:xdist --randomly-seed=N" repeats an order
	$(BIN)/pytest -n auto $(ARGS)

# The version that the functions run on, as in infra/lambda_wheels.py.
DEPLOYED     := 3.13
DEPLOYED_ENV := build/venv-$(DEPLOYED)

test-deployed:    ## the tests of transform/ and replay/ on the Python version of the functions, where it is found
	@if python=$$(.ci/find-python $(DEPLOYED)); then \
		$(MAKE) --no-print-directory $(DEPLOYED_ENV)/.test DEPLOYED_PYTHON=$$python && \
		$(DEPLOYED_ENV)/bin/pytest -n auto tests/transform tests/replay $(ARGS); \
	else \
		echo "SKIPPED: no Python $(DEPLOYED) was found, neither on PATH nor in ~/.pyenv/versions."; \
	fi

$(DEPLOYED_ENV)/.test: pyproject.toml
	$(DEPLOYED_PYTHON) -m venv $(DEPLOYED_ENV)
	$(DEPLOYED_ENV)/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[local,test]'
	@touch $@

bench: $(VENV)/.dev    ## the transform measured against the runtime's floor and a baseline
	$(BIN)/python tests/bench $(ARGS)

bench-gate: $(VENV)/.dev    ## instructions counted (valgrind) and compared with those kept; ARGS=--update keeps new ones
	$(BIN)/python tests/bench/gate.py $(ARGS)

simulate: $(VENV)/.dev    ## a million searched histories of replay; ARGS="--seed N" shows one
	$(BIN)/python -m tests.simulation $(or $(ARGS),--count 1000000)

volume: $(VENV)/.dev    ## 100,000 removals through the emulator's table and its stream
	TTL_ARCHIVE_SLOW=1 TTL_ARCHIVE_REMOVALS=100000 $(BIN)/pytest -n 0 --timeout 7200 tests/infra/local/roads/test_volume.py $(ARGS)

mutants: $(VENV)/.dev    ## break the code on purpose, and see that the tests notice; ARGS="limit" picks by name
	$(BIN)/python -m tests.mutants $(ARGS)

bench-replay: $(VENV)/.dev    ## ten thousand to a million failed records replayed, and archived rows restored
	$(BIN)/python tests/replay/bench_replay.py $(ARGS)
	$(BIN)/python tests/replay/restore/bench_restore.py

bench-query: $(VENV)/.dev    ## the embedded engine's answers against its own reader of JSON lines and CSV
	$(BIN)/python tests/infra/query/bench_query.py $(ARGS)

package: $(VENV)/.dev    ## the functions' zips and SBOMs, the same bytes from the same commit, for arm64 and x86_64
	$(BIN)/python -m ttl_archive.infra.package --config archive.toml --arch arm64
	$(BIN)/python -m ttl_archive.infra.package --config archive.toml --arch x86_64

lock: $(VENV)/.dev    ## pin the functions' wheels, with hashes, to the installed versions
	$(BIN)/python .ci/lock.py

release: $(VENV)/.dev    ## wheel, sdist, zips, SBOMs and checksums into dist/; publishes nothing
	$(BIN)/python .ci/release.py

check: $(VENV)/.dev    ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy .ci/*.py
