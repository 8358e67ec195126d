# Each target sets up all that it needs; Python 3.11 or later, git and make are enough to begin.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint types check format bench clean base-images

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

base-images:
	@.ci/base-images --if-missing

demo: $(STAMP) base-images  ## a real agent in a real bottle, each promise shown in a line
	@$(BIN)/python scripts/demo.py

test: $(STAMP) base-images  ## the whole suite; what this machine lacks is skipped with a line
	$(BIN)/python -m pytest $(TESTS)

lint: $(STAMP)  ## ruff and the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(STAMP)  ## mypy --strict
	$(BIN)/mypy

check: lint types test  ## all of the above

format: $(STAMP)  ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) base-images  ## the benchmarks, as ratios
	$(BIN)/python benchmarks/cli.py
	$(BIN)/python benchmarks/start.py
	$(BIN)/python -m benchmarks.egress

clean:  ## remove what the targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
