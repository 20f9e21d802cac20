# What people and CI call. Set-up is in scripts/setup.sh; every target does the part it needs.

BIN := .venv/bin
DEMO := examples/breast-cancer/demo.py
REGISTRY_STAGE := build/registry-story
# `make test ENGINE=required` fails without a container engine; else tests that need one are skipped, loudly.
ENGINE ?= wanted
PYTEST_ARGS ?=
# Whose tutorial: data-owner, model-owner, committee, admin.
ROLE ?= data-owner

.DEFAULT_GOAL := help
.PHONY: help setup check cubes test demo demo-clean registry tutorial tutorial-clean docs facts clean

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## .venv, programs and container engine for work on the code
	@scripts/setup.sh test $(ENGINE)

check: ## style, format, types, layers (ruff, mypy, import-linter)
	@scripts/setup.sh python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

cubes: setup ## the example's cubes and demo dataset, for tests that run them
	@$(BIN)/python examples/breast-cancer/build_images.py --out .cache/breast-cancer/images >/dev/null \
	  || echo "cubes: not built; tests that run them are skipped"

test: setup check cubes ## everything: set-up, check, all tests with containers and end-to-end ones
	$(BIN)/pytest -n auto $(PYTEST_ARGS)

demo: ## the whole story: nine members, real data, real containers, what goes wrong, a leaderboard
	@scripts/setup.sh demo
	@$(BIN)/python $(DEMO)

demo-clean: ## remove everything the demo made
	@scripts/setup.sh python
	@$(BIN)/python $(DEMO) --clean

registry: ## play the story and write this repository's own registry/ from it, as commits on this branch
	@scripts/setup.sh demo
	@test -z "$$(git status --porcelain)" || { echo "error: there are changes that are not committed"; exit 1; }
	@$(BIN)/python $(DEMO) --stage $(REGISTRY_STAGE)
	@$(BIN)/python scripts/write_registry.py $(REGISTRY_STAGE)/registry.git
	@$(BIN)/python $(DEMO) --stage $(REGISTRY_STAGE) --clear

tutorial: ## set the stage of a tutorial, ROLE=data-owner (or model-owner, committee, admin)
	@scripts/setup.sh demo
	@$(BIN)/python examples/breast-cancer/tutorial.py $(ROLE)

tutorial-clean: ## remove everything the tutorials made
	rm -rf .tutorial

docs: ## the prose pages, into build/docs
	@scripts/setup.sh python
	$(BIN)/mkdocs build --strict

facts: ## sizes of modules and functions, annotated share, mocks per test
	@scripts/setup.sh python
	@$(BIN)/python scripts/code_facts.py

clean: ## remove caches and build products (not .venv, not the demo); stop an engine started by set-up
	@scripts/setup.sh stop-engine
	rm -rf build dist site .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
