# Two commands for a newcomer: `make site` shows a finished post, `make test` proves that this copy works.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TESTABLE := $(VENV)/.testable

.PHONY: site test test-long lint docs clean help

site: $(INSTALLED) ## Install, make a first project if there is none, build every project, and pack each for submission
	@test -d projects/myproject || $(BIN)/blogkit new myproject
	$(BIN)/blogkit build
	$(BIN)/blogkit publish --to zip

test: $(TESTABLE) ## Install the test tools and run every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

test-long: $(TESTABLE) ## Run, at their whole length, the tests of which `make test` runs a sample (hours)
	$(BIN)/python -m pytest -m long -n 2 --dist loadgroup

lint: $(TESTABLE) ## Layers, style and types
	$(BIN)/lint-imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(INSTALLED) ## Write the parts of docs/ that come from the code
	$(BIN)/python docs/generate.py

clean: ## Remove what was made, but neither runs nor results
	rm -rf $(VENV) _site _submissions .blogkit

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[starters]"
	@touch $@

$(TESTABLE): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[starters,review,browser,slurm,dask]" --group dev
	@touch $@
