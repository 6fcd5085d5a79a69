# Runs with GNU make 3.81 (macOS) and later.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= python3
UV ?= uv
FEEDS ?=
MINUTES ?=
RUNS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet

# A folder that was moved, or whose Python is gone, needs a new environment: its scripts hold paths.
ifneq ($(shell cat $(STAMP) 2>/dev/null && $(BIN)/python -c '' 2>/dev/null && echo runs),$(CURDIR) runs)
$(STAMP): FORCE
endif

.PHONY: help venv run test reading fuzz faults web bench growth cliffs compose-test check audit lock clean FORCE

help: ## Show this.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

venv: $(STAMP) ## Make .venv/bin/newswire from requirements.lock.

run: $(STAMP) ## See it work: servers, sample news, real feeds. FEEDS=<path or URL> for a list of yours.
	@$(BIN)/newswire demo $(if $(FEEDS),"$$FEEDS")

test: $(DEV_STAMP) ## Run all tests; every server they need is started by them.
	@mkdir -p .run/tmp
	TMPDIR="$(CURDIR)/.run/tmp" $(BIN)/python -m pytest -n 3 --dist worksteal

reading: $(DEV_STAMP) ## Print how feeds are read: identity, links, boilerplate; with the corpus also real feeds.
	$(BIN)/python -m tests.corpus.identity_eval
	$(BIN)/python -m tests.corpus.wordings_eval
	@if $(BIN)/python -c 'import sys; from tests.corpus.differential import corpus; sys.exit(corpus() is None)'; then \
	  set -x; $(BIN)/python -m tests.corpus.boilerplate_eval && $(BIN)/python -m tests.corpus.differential; \
	else echo "Real feeds: left out, NEWSWIRE_CORPUS names no folder with them."; fi

# atheris has wheels for few platforms, so it is in no lock file.
fuzz: $(DEV_STAMP) ## Feed the reading stages RUNS=100000 inputs, guided by coverage (Linux, Python up to 3.13).
	@$(PIP) atheris==3.0.0
	@mkdir -p .run/fuzz/corpus
	$(BIN)/python -m tests.fuzz.seeds .run/fuzz/seeds
	cd .run/fuzz && PYTHONPATH="$(CURDIR)" "$(CURDIR)/$(BIN)/python" -m tests.fuzz.reading corpus seeds \
	  -atheris_runs=$(or $(RUNS),100000) -max_len=6000 -timeout=10

faults: $(DEV_STAMP) ## Crash everything on purpose and count what a consumer got. MINUTES=60 goes on for so long.
	@mkdir -p .run/tmp
	TMPDIR="$(CURDIR)/.run/tmp" $(BIN)/python -m tests.fault $(if $(MINUTES),--minutes "$$MINUTES")

web: $(DEV_STAMP) ## How workers treat a simulated web of many hosts, and what it can do to them, in figures. 12 minutes.
	@mkdir -p .run/tmp
	TMPDIR="$(CURDIR)/.run/tmp" $(BIN)/python -m tests.web

bench: $(DEV_STAMP) ## What a poll costs, path by path, beside a plain loop; and how soon articles are found. 10 minutes.
	@mkdir -p .run/tmp
	TMPDIR="$(CURDIR)/.run/tmp" $(BIN)/python -m tests.bench --json .run/bench.json --chart .run/bench.svg

growth: $(DEV_STAMP) ## What Redis, a start and a poll cost with 1,000 to 1,000,000 feeds, with several workers, on a cluster. 12 minutes.
	@mkdir -p .run/tmp
	TMPDIR="$(CURDIR)/.run/tmp" $(BIN)/python -m tests.bench.growth --json .run/growth.json

cliffs: $(DEV_STAMP) ## What one bad neighbour or a slow server costs all other feeds of a worker. 12 minutes.
	@mkdir -p .run/tmp
	TMPDIR="$(CURDIR)/.run/tmp" $(BIN)/python -m tests.bench.cliffs --json .run/cliffs.json

compose-test: $(DEV_STAMP) ## The Compose file from an empty machine to its end, with kills: Docker must be at hand.
	$(BIN)/python -m tests.compose

check: $(DEV_STAMP) ## Style, types, who may import whom, the Dockerfile.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if [ -x $(BIN)/hadolint ]; then set -x; $(BIN)/hadolint deploy/Dockerfile; \
	else echo "deploy/Dockerfile: not linted, hadolint has no package for this machine."; fi

# pip-audit is no part of the tests, so it is in no lock file.
audit: $(DEV_STAMP) ## Ask which locked packages have published vulnerabilities; says so where it cannot ask.
	@$(PIP) pip-audit==2.10.1
	$(BIN)/python -m tests.audit

lock: ## Resolve the dependencies of pyproject.toml anew; what is locked stays unless it must change.
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	$(LOCK) --extra embedded --group build -o requirements.lock
	$(LOCK) --extra embedded --group build --extra dev --extra otel -c requirements.lock -o requirements-dev.lock
	$(LOCK) --extra otel -c requirements.lock -o requirements-image.lock
	$(PIN) --group build -c requirements.lock -o requirements-build.lock

clean: ## Remove all that the other targets made.
	rm -rf $(VENV) .run .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

PIN = $(UV) pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-config
LOCK = $(PIN) pyproject.toml

export FEEDS MINUTES

# The stamp comes last and holds the folder: whatever failed or was interrupted starts over.
$(STAMP): requirements.lock pyproject.toml
	@rm -f $(STAMP) $(DEV_STAMP)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Newswire needs Python 3.11 or later, '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>&1 | head -n 1). Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) from requirements.lock (once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-build-isolation --no-deps --editable .
	@echo "$(CURDIR)" > $(STAMP)

$(DEV_STAMP): $(STAMP) requirements-dev.lock
	@rm -f $(DEV_STAMP)
	@echo "Adding the tools of requirements-dev.lock (once)"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $(DEV_STAMP)
