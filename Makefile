# The commands of this project. `make dev` and `make test` set up everything that they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup dev test check synth deploy destroy smoke cost bench lock clean

help: ## this list
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY)

$(READY): requirements/bootstrap.txt requirements/development.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found on PATH (or name one: make PYTHON=...)"; exit 1; }
	@echo "[1/3] creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing (Debian: apt-get install python3-venv)"; exit 1; }
	@echo "[2/3] installing the hash-pinned requirements"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements/development.txt
	@echo "[3/3] installing chatkit-lambda itself, editable"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

dev: $(READY) ## the local stack and its page, on 127.0.0.1:$PORT (8787), data under $STATE_DIR (.local)
	@exec $(BIN)/chatkit-lambda serve

test: $(READY) ## every test that needs no AWS account
	@# The browser's driver keeps an event loop running in its process: so its tests have processes of their own.
	$(BIN)/pytest -n auto --dist loadfile --ignore tests/e2e
	$(BIN)/pytest tests/e2e

check: $(READY) ## format, lint, types, layers, then the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory test

# Another CLI would be another schema of the assembly; `latest` on npm is one that cannot read ours.
CDK := npx --yes --prefer-offline --loglevel=error aws-cdk@2.1148.1

synth: export CDK_DISABLE_VERSION_CHECK := 1
synth: export CDK_DISABLE_CLI_TELEMETRY := true
synth: export AWS_EC2_METADATA_DISABLED := true
synth: $(READY) ## the CloudFormation of every stack, in cdk.out, checked by cdk-nag and cfn-lint
	@rm -rf cdk.out
	@$(CDK) synth --quiet --no-notices -c stage=dev
	@$(CDK) synth --quiet --no-notices -c stage=prod -c allowed_origins=https://app.example.com
	@# W3005: the CDK names what a function depends on also where a reference says it already.
	@cfn-lint --ignore-checks W3005 -- cdk.out/*.template.json
	@echo "$$(ls cdk.out/*.template.json | wc -l) stacks of stages dev and prod are in cdk.out:" \
		"cdk-nag (AwsSolutions) and cfn-lint find nothing that is not explained"

STAGE ?= dev
deploy: $(READY) ## check, deploy and hand over STAGE (dev); CONTEXT="-c name=value ...", YES=1 asks nothing
	@$(BIN)/python -m infra.deploy up --stage "$(STAGE)" --cdk "$(CDK)" $(if $(YES),--yes) $(CONTEXT)

destroy: $(READY) ## remove STAGE, once you have typed its name (or CONFIRM=name)
	@$(BIN)/python -m infra.deploy down --stage "$(STAGE)" $(if $(CONFIRM),--confirm "$(CONFIRM)")

smoke: $(READY) ## try URL (of /chatkit): API_URL=... (and API_KEY or ID_TOKEN), or TOKEN=...; ORIGIN=...
	@test -n "$(URL)" || { echo "give the output ChatUrl: make smoke URL=https://.../chatkit API_URL=https://.../api"; exit 2; }
	@$(BIN)/chatkit-lambda smoke --url "$(URL)" $(if $(API_URL),--api-url "$(API_URL)") $(if $(ORIGIN),--origin "$(ORIGIN)")

cost: $(READY) ## what a month costs, by messages: the tables of docs/costs.md
	@$(BIN)/python -m infra.costs

bench: $(READY) ## against OpenAI's own ChatKit server on this machine: docs/benchmark.md (JSON=1, ROUNDS=n)
	@$(BIN)/python -m tests.bench $(if $(JSON),--json) $(if $(ROUNDS),--rounds $(ROUNDS))

lock: $(READY) ## resolve requirements/ anew from pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra dev pyproject.toml -o requirements/development.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		-c requirements/development.txt pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		-c requirements/development.txt --extra attachments pyproject.toml -o requirements/attachments.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		-c requirements/development.txt --extra oidc pyproject.toml -o requirements/oidc.txt
	echo uv | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		-c requirements/development.txt - -o requirements/bootstrap.txt

clean: ## removes what was built and installed, keeps .local (your conversations)
	rm -rf $(VENV) .cache cdk.out .pytest_cache .ruff_cache .hypothesis .import_linter_cache
