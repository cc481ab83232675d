# Two commands are all a newcomer needs: `make audit` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
ENV := .venv/.ready

.DEFAULT_GOAL := help

.PHONY: help
help:  ## show this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(ENV): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(ENV)

.PHONY: env
env: $(ENV)  ## build the environment in .venv

.PHONY: fixtures
fixtures: $(ENV)  ## train the example models that are missing or stale
	$(BIN)/python -m fixtures

.PHONY: robust
robust: $(ENV)  ## train the large adversarially trained network too (some five minutes) and audit it
	$(BIN)/python -m fixtures --all
	$(BIN)/auditor run fixtures/robust.audit.yaml --exit-zero

.PHONY: bench
bench: $(ENV)  ## speed and strength beside Foolbox, ART and torchattacks, as ratios; size, memory (an hour on two cores)
	$(BIN)/python -m fixtures --all
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'foolbox==3.3.4' 'adversarial-robustness-toolbox==1.20.1' 'torch==2.13.0' multiprocess
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'torchattacks==3.5.1'
	$(BIN)/python -m tests.benchmarks.speed
	$(BIN)/python -m tests.benchmarks.strength
	$(BIN)/python -m tests.benchmarks.coverage
	$(BIN)/python -m tests.benchmarks.report
	$(BIN)/python -m tests.benchmarks.instant
	$(BIN)/python -m tests.benchmarks.scale
	$(BIN)/python -m tests.benchmarks.wide
	$(BIN)/python -m tests.benchmarks.forecast
	$(BIN)/python -m tests.benchmarks.memory

.PHONY: audit
audit: $(ENV) fixtures  ## train what is missing, run specs/, render the report
	$(BIN)/auditor run specs --exit-zero

.PHONY: check
check: $(ENV)  ## lint, types, layers, staleness
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/schema

.PHONY: test
test: $(ENV) fixtures  ## run all tests
	$(BIN)/python -m pytest -q -n 2 tests

.PHONY: schema
schema: $(ENV)  ## write the JSON Schemas in auditor/schema/ anew
	$(BIN)/auditor schema spec --output auditor/schema/audit.schema.json
	$(BIN)/auditor schema results --output auditor/schema/results.schema.json

.PHONY: clean
clean:  ## remove reports, trained checkpoints and what is cached
	rm -rf .audit_cache
	rm -f fixtures/*.keras fixtures/*.json
	find reports -mindepth 1 -maxdepth 1 ! -name sample -exec rm -rf {} +
