# The two commands of the README need Debian, Python 3.11, make and a package registry.
.PHONY: help replay demo test thorough oldest static check fast e2e audit policies bench permissions format build bootstrap playbooks playbook docs clean
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
UV         := .uv/bin/uv
# The runtime is 3.13: use it where the machine has it, else what there is from 3.11 on.
PYTHON     := $(shell for v in 3.13 3.12 3.14 3.11; do for p in python$$v $$HOME/.pyenv/versions/$$v*/bin/python$$v; do \
                $$p -c 'import sys' >/dev/null 2>&1 && command -v $$p && exit; done; done)
RUN        := .venv/bin/
export UV_PYTHON_DOWNLOADS := never
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= us-east-1

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

bootstrap: .venv/.ready  ## uv, and the locked environment in .venv

$(UV):
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
	  --target .uv uv==$(UV_VERSION)

.venv/.ready: $(UV) uv.lock pyproject.toml
	@$(UV) sync --quiet --frozen --compile-bytecode --python $(PYTHON)
	@printf '#!/bin/sh\nexec "$(CURDIR)/.venv/bin/python" "$(CURDIR)/console" "$$@"\n' >.venv/bin/cordon
	@chmod +x .venv/bin/cordon
	@touch $@

replay: .venv/.ready  ## replay every event under events/ through the deployed template, offline
	@$(RUN)python -m console replay events --mode enforce --release

demo: build .e2e/.ready  ## deploy into an emulated account, and five findings there: cordon demo
	@$(RUN)python -m console demo

# Bytecode is kept: else each process compiles all code and every test anew, where the environment says so.
test: .venv/.ready  ## the tests, in parallel
	@PYTHONDONTWRITEBYTECODE= $(RUN)python -m pytest -q -n auto --dist worksteal

# What the tests draw a share of, and what takes too long for them: tests/drawn.py.
thorough: .venv/.ready  ## all of what `make test` draws a share of
	@PYTHONDONTWRITEBYTECODE= DRAWN= $(RUN)python -m pytest -q -n auto --dist worksteal -m drawn

# A test may read more by a newer Python: make test failed with 3.11, and nobody had run it there.
oldest: .oldest/.ready  ## what people run themselves, with the oldest Python that it is for
	@PYTHONDONTWRITEBYTECODE= .oldest/bin/python -m pytest -q -n auto --dist worksteal tests/architecture tests/console tests/sources embedded/tests

.oldest/.ready: $(UV) uv.lock pyproject.toml
	@UV_PROJECT_ENVIRONMENT=.oldest $(UV) sync --quiet --frozen --compile-bytecode --python 3.11
	@touch $@

static: .venv/.ready  ## format, lint, types, imports, template, generated pages
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	PYTHONPATH=layers/cordon $(RUN)lint-imports --no-cache --no-logo
	$(RUN)sam validate --lint
	$(RUN)cfn-lint --regions ALL_REGIONS -- template.yaml
	$(RUN)python -m console docs --check

check: static test  ## the gate: static and test

fast: .venv/.ready  ## the checks of some seconds: format, lint, generated pages
	@$(RUN)ruff format --check --quiet .
	@$(RUN)ruff check --quiet .
	@$(RUN)python -m console docs --check

format: .venv/.ready  ## ruff
	@$(RUN)ruff format .
	@$(RUN)ruff check --fix .

playbooks: .venv/.ready  ## write what follows from the playbooks' headers: template, pages, operations
	@$(RUN)python -m console docs

playbook: .venv/.ready  ## a new playbook: NAME=close_database KIND=securityhub:RDS.2
	@$(RUN)python -m console new '$(NAME)' --kind '$(KIND)'

# Strict: a link that leads nowhere fails. An environment of its own, of the same lock.
docs: .docs/.ready  ## the pages as a site: .site/README.html
	@.docs/bin/sphinx-build -q -E -a -W --keep-going -b html -c docs/site . .site
	@echo .site/README.html

.docs/.ready: $(UV) uv.lock pyproject.toml
	@UV_PROJECT_ENVIRONMENT=.docs $(UV) sync --quiet --frozen --only-group docs --python $(PYTHON)
	@touch $@

# Deploys the built template into an emulated account on this machine; see docs/emulators.md.
e2e: build .e2e/.ready .browser/.ready  ## deploy into an emulated account, and try it there
	@$(RUN)python -m pytest tests/e2e -q -rs -n 2 --dist worksteal

.e2e/.ready: $(UV) tests/e2e/requirements.txt
	@$(UV) venv --quiet --clear --python $(PYTHON) .e2e
	@$(UV) pip install --quiet --require-hashes --python .e2e/bin/python -r tests/e2e/requirements.txt
	@touch $@

# What looks at the report's page for people who use it by keyboard or ear; without npm that test is skipped.
.browser/.ready: tests/e2e/browser/package-lock.json
	@mkdir -p .browser && cp tests/e2e/browser/package.json tests/e2e/browser/package-lock.json .browser
	@if npm ci --prefix .browser --silent --no-audit --no-fund; then touch $@; \
	  else echo "npm could not bring axe-core: it does not look at the report's page"; fi

# Independent auditors, in environments of their own: tests/auditors/accepted.json has the reasons,
# claims.py there what Prowler must say of an account before, contained and released.
policies: .venv/.ready .audit/.ready  ## checkov on the template, parliament and policy_sentry on the roles' policies
	@PYTHONPATH=layers/cordon:functions $(RUN)python -m tests.auditors

audit: policies build .prowler/.ready .e2e/.ready  ## that, and Prowler on an emulated account
	@PYTHONPATH=layers/cordon:functions $(RUN)python -m tests.auditors.by_prowler

.audit/.ready: $(UV) tests/auditors/requirements.txt
	@$(UV) venv --quiet --clear --python $(PYTHON) .audit
	@$(UV) pip install --quiet --require-hashes --python .audit/bin/python -r tests/auditors/requirements.txt
	@touch $@

# Not all that Prowler requires: see prowler.in.
.prowler/.ready: $(UV) tests/auditors/prowler.txt
	@$(UV) venv --quiet --clear --python $(PYTHON) .prowler
	@$(UV) pip install --quiet --require-hashes --no-deps --python .prowler/bin/python -r tests/auditors/prowler.txt
	@touch $@

# Needs valgrind. Half an hour on two cores; each section of docs/performance.md names its command.
bench: build  ## measure, and write docs/performance.md (valgrind; half an hour; a quiet machine)
	@$(RUN)python -m bench cold --write path --write warm --write cost --write replay --write storm --write report --write console --write

# Records anew what the roles are used for; one process, since it writes one file.
permissions: build .e2e/.ready  ## record what the roles are used for: docs/permissions.json and .md
	@RECORD=1 $(RUN)python -m pytest -q tests/promises/test_permissions.py tests/promises/test_denials.py
	@RECORD=1 $(RUN)python -m pytest -q tests/e2e
	@$(RUN)python -m console docs

build: .venv/.ready  ## sam build
	@PATH="$(CURDIR)/$(UV:/uv=):$(dir $(PYTHON)):$$PATH" $(RUN)sam build

clean:  ## remove what was built and installed
	@rm -rf .audit .aws-sam .bench .browser .docs .e2e .oldest .prowler .site .venv .uv
