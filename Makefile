# `make help` tells the targets. Needs Python >= 3.11 and make; the rest is installed into .venv,
# at the versions pinned in requirements/constraints.txt.

PYTHON  ?= python3
WORKERS ?= 2

BIN         := .venv/bin
CONSTRAINTS := requirements/constraints.txt
PINS        := pyproject.toml $(CONSTRAINTS)
# Runs targets side by side, as most keep one core busy. Old versions of make mix their output.
TOGETHER    := $(MAKE) --no-print-directory --jobs $(WORKERS) SIDE_BY_SIDE=yes \
    $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
STRICTLY    := --fail-on-warning --keep-going --fresh-env --jobs auto --quiet
INSTALL     := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint $(CONSTRAINTS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
ifndef SIDE_BY_SIDE
.NOTPARALLEL: # two of the stamps below may not install at once
endif
.PHONY: help demo test check bench docs lock format clean \
    lint types layers floors pages examples doctests pytest slow smoke

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 16

demo: .venv/demo.stamp ## explain one derivative, also as a page to play with, then train a small model
	@mkdir -p build
	$(BIN)/adjoint explain "log(x1) + x1*x2 - sin(x2)" x1=2 x2=5 --html build/lecture.html
	$(BIN)/adjoint optimizers build/optimizers.html
	$(BIN)/adjoint train
	@echo "To play with the derivative above, open $(CURDIR)/build/lecture.html in a browser,"
	@echo "and $(CURDIR)/build/optimizers.html to see optimisers descend."

test: .venv/dev.stamp ## everything that must pass before a change is taken
	@+$(TOGETHER) lint pages smoke examples types layers
	@+$(MAKE) --no-print-directory pytest

check: .venv/dev.stamp ## the quick half of `test`: format, lint, types, floors, doctests
	@+$(TOGETHER) lint types floors doctests

bench: .venv/bench.stamp ## all benchmarks, beside the peers (installs them: large)
	$(BIN)/python -m benchmarks

docs: .venv/dev.stamp ## build the documentation into docs/_build; a warning is an error
	$(BIN)/sphinx-build $(STRICTLY) -b html docs docs/_build/html

format: .venv/dev.stamp ## lay out the code and repair what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/dev.stamp ## move every pinned version to the newest that fits
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --all-extras \
	    --fork-strategy fewest --no-emit-index-url --no-emit-find-links --upgrade \
	    --custom-compile-command "make lock" --output-file $(CONSTRAINTS)

clean: ## remove everything that make, the tests and the tools have made
	rm -rf .venv build dist docs/_build \
	    .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find adjoint benchmarks tests docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The parts of `test` and of `check`, each of which can be run alone. `test` does nothing twice: pages
# run their own examples while they are built, and the tests of the floors are among all the tests.

lint: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/dev.stamp
	$(BIN)/mypy

layers: .venv/dev.stamp
	$(BIN)/lint-imports --no-logo

floors: layers
	$(BIN)/python -m pytest --quiet tests/test_architecture.py

# Reads all pages, runs their examples and follows their references, as `docs` does, but writes none:
# that takes half of the time, and the tests write some.
pages: .venv/dev.stamp
	$(BIN)/sphinx-build $(STRICTLY) -b dummy docs docs/_build/pages

examples: .venv/dev.stamp
	$(BIN)/python -m pytest --quiet adjoint $(wildcard README.md)

doctests: .venv/dev.stamp
	$(BIN)/python -m pytest --quiet adjoint docs $(wildcard README.md)

smoke: .venv/dev.stamp
	$(BIN)/python -m benchmarks --smoke
	$(BIN)/python tools/time_numpy_unchanged.py --smoke

# Last, so that its closing line is the last thing printed.
pytest: .venv/dev.stamp
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" tests

slow: .venv/dev.stamp ## the tests that `test` leaves out: slow ones, and cases outside of samples
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow tests

# The environment. A stamp is as old as the last installation of its extras.
# The build backend comes first, pinned like the rest, so that building the package fetches nothing.

.venv/base.stamp: $(PINS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "adjoint needs Python 3.11 or newer, but $(PYTHON) is " + sys.version.split()[0] + "; name another with: make PYTHON=...")'
	@echo "Making .venv"
	@$(PYTHON) -m venv .venv
	@$(INSTALL) hatchling editables
	@touch $@

.venv/demo.stamp: .venv/base.stamp
	@echo "Installing what the demonstration needs into .venv"
	@$(INSTALL) --no-build-isolation --editable ".[train]"
	@touch $@

.venv/dev.stamp: .venv/base.stamp
	@echo "Installing the tools (about a minute) into .venv"
	@$(INSTALL) --no-build-isolation --editable ".[train,test,docs,dev]"
	@touch $@

.venv/bench.stamp: .venv/base.stamp
	@echo "Installing the peers (large) into .venv"
	@$(INSTALL) --no-build-isolation --editable ".[bench]"
	@touch $@
