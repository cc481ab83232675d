# Two commands are all a newcomer needs: `make audit` and `make test`.
PYTHON ?= python3
# Versions are locked, in requirements/. `LOCK=none make …` takes the newest that pyproject.toml allows instead, in an
# environment of its own.
LOCK ?= requirements/dev.txt
VENV := $(if $(filter none,$(LOCK)),.venv-newest,.venv)
BIN := $(VENV)/bin
ENV := $(VENV)/.ready
LOWEST := .venv-lowest
# Not compiled ahead: of what is installed, most is never imported.
INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile
# Whatever the machine says: hundreds of processes import the same, and what the first compiles the others read.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

.PHONY: help
help:  ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What the lock names is installed when the lock changes; what lets the package be found, also when pyproject.toml does.
# uv takes a fifth of pip's time, but doesn't know pip's settings: where those say whence packages come, or uv fails, pip
# does it.
.venv/.locked: requirements/dev.txt
	$(PYTHON) -m venv $(@D)
	sed -n '/^uv==/,/[^\\]$$/p' $< > $(@D)/uv.txt
	$(@D)/bin/python $(INSTALL) --require-hashes --requirement $(@D)/uv.txt
	@if $(@D)/bin/python -m pip config list | grep -Eq '\.(index-url|no-index|proxy)=' \
		|| ! $(@D)/bin/uv pip install --quiet --no-config --no-deps --python $(@D)/bin/python --require-hashes --requirement $<; then \
		$(@D)/bin/python $(INSTALL) --require-hashes --requirement $<; fi
	@touch $@

.venv/.ready: .venv/.locked pyproject.toml
	$(@D)/bin/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# By uv alone: only developers and CI go here.
$(LOWEST)/.ready: requirements/lowest.txt pyproject.toml .venv/.ready
	.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python $(@D)
	.venv/bin/uv pip sync --quiet --python $(@D)/bin/python --require-hashes $<
	.venv/bin/uv pip install --quiet --python $(@D)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv-newest/.ready: pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python $(INSTALL) --upgrade --upgrade-strategy eager --editable '.[dev]'
	@touch $@

.PHONY: env
env: $(ENV)  ## build the environment in .venv, with the locked versions

.PHONY: lock
lock: $(ENV)  ## renew the locked versions: the newest, and the least, that pyproject.toml allows
	$(BIN)/uv pip compile $(COMPILE) --fork-strategy fewest --output-file requirements/dev.txt
	$(BIN)/uv pip compile $(COMPILE) --resolution lowest-direct --output-file requirements/lowest.txt

COMPILE := pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

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
	$(BIN)/python -m tests.benchmarks.telltales

.PHONY: audit
audit: $(ENV) fixtures  ## train what is missing, run specs/, render the report
	$(BIN)/auditor run specs --exit-zero

.PHONY: check
check: $(ENV) docs  ## lint, types, layers, staleness, links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/schema

# Strict: a link to what isn't there fails. The variable takes off the theme's banner about a version to come.
.PHONY: docs
docs: $(ENV)  ## build the documentation into build/docs/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# One more than a build server has cores: tests of processes wait for these, and the last file leaves fewer idle.
WORKERS ?= 3

.PHONY: test
# A file's tests go to one worker, so that what they share is made once; in the order of tests/conftest.py.
test: $(ENV) fixtures  ## run all tests
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadscope --no-loadscope-reorder tests

# What an audit stands on: specs and their mistakes, the plugin, intervals and verdicts, records, models and attacks.
CORE := tests/spec/test_document.py tests/spec/test_own_words.py tests/plugin/test_items.py tests/statistics/test_intervals.py \
	tests/judging/test_verdict.py tests/judging/test_conclusion.py tests/records/test_store.py tests/datasets/test_npz.py
# What of it asks the example models, and waits for them.
CORE_TRAINED := tests/checks/test_accuracy.py tests/checks/test_digit_flip.py

.PHONY: env-lowest
env-lowest: $(LOWEST)/.ready  ## build the environment in .venv-lowest, with the least versions

.PHONY: test-lowest test-lowest-untrained test-lowest-trained
test-lowest: test-lowest-untrained test-lowest-trained  ## run the core's tests with the least versions that pyproject.toml allows

test-lowest-untrained: $(LOWEST)/.ready
	$(LOWEST)/bin/python -m pytest -q -n 2 $(CORE)

test-lowest-trained: $(LOWEST)/.ready fixtures
	$(LOWEST)/bin/python -m pytest -q $(CORE_TRAINED)

.PHONY: search
search: $(ENV)  ## draw many other examples than `make test` for what must hold of all (some five minutes)
	$(BIN)/python -m pytest -q -n 2 --hypothesis-profile=search tests/judging tests/statistics tests/values \
	tests/compute/test_randomness.py tests/run/test_budget.py tests/spec/test_document.py

.PHONY: test-newest
test-newest:  ## run all tests with the newest versions that pyproject.toml allows, in .venv-newest
	rm -f .venv-newest/.ready
	$(MAKE) LOCK=none test

.PHONY: schema
schema: $(ENV)  ## write the JSON Schemas in auditor/spec/schema/ anew
	$(BIN)/auditor schema spec --output auditor/spec/schema/audit.schema.json
	$(BIN)/auditor schema results --output auditor/spec/schema/results.schema.json

.PHONY: clean
clean:  ## remove reports, trained checkpoints and what is cached
	rm -rf .audit_cache
	rm -f fixtures/*.keras fixtures/*.onnx fixtures/*.json
	find reports -mindepth 1 -maxdepth 1 ! -name sample -exec rm -rf {} +
