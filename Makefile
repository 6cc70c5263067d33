# Everything a developer runs. `make` alone lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench bench-gate bench-replay package lock release

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

test: $(VENV)/.dev    ## all tests
	$(BIN)/pytest -n auto

bench: $(VENV)/.dev    ## the transform measured against the runtime's floor and a baseline
	$(BIN)/python tests/bench $(ARGS)

bench-gate: $(VENV)/.dev    ## instructions counted (valgrind) and compared with those kept; ARGS=--update keeps new ones
	$(BIN)/python tests/bench/gate.py $(ARGS)

bench-replay: $(VENV)/.dev    ## ten thousand to a million failed records replayed into a bucket
	$(BIN)/python tests/replay/bench_replay.py $(ARGS)

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
