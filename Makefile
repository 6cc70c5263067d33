# Everything a developer runs. `make` alone lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo test check

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

check: $(VENV)/.dev    ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
