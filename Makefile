# Every target may be repeated; what is done already is not done again.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# The CDK's environment; its node has to come first.
INFRA := .venv-infra
INFRA_READY := $(INFRA)/ready
ARCHIVE := dist/environment.tar.gz
IN_INFRA := PATH="$(CURDIR)/$(INFRA)/bin:$$PATH" PYTHONPATH="$(CURDIR)" $(INFRA)/bin/python
# What judges the locks.
AUDIT := .venv-audit
AUDIT_READY := $(AUDIT)/ready
BILLS := dist/sbom
LIST := infra/supply/sbom.sh $(AUDIT)

# A test waits for half of its time, for a process to start or an endpoint to change, and a night of
# a whole installation takes a processor by itself: on two processors, five at once keep them busy.
WORKERS := 3
WORKERS_E2E := 2
# Suites that are long, or start whole installations: each by itself.
APART := cluster crashes dist e2e image production soak

.PHONY: help setup demo up browser postgres test test-unit test-e2e test-cluster test-production test-backfill test-faults test-soak test-dist test-infra test-image infra dist pin image sbom licences audit docs check format bench bench-features bench-handbook bench-validation bench-detection bench-training bench-ids bench-night bench-wide bench-serving lock clean

help: ## what each target does
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1|/' | column -t -s'|'

setup: $(READY) ## the virtual environment, from requirements.lock

$(READY): requirements.lock pyproject.toml infra/setup.sh
	@infra/setup.sh $(VENV)
	@touch $@

demo: $(READY) ## the main job on simulated data: raw transactions to a served model
	@$(BIN)/overnight demo

up: $(READY) ## Airflow, MLflow and the embedded SageMaker with their pages, until Ctrl-C
	@exec $(BIN)/overnight up

browser: ## Debian's Chromium, for the tests of the review page
	@infra/program.sh chromium "The tests of the review page need" chromium fonts-dejavu-core

# SYNC=line shows the output of each part when it is done, and so does not mix them.
SYNC := none
test: $(READY) browser ## unit, property, DAG and end-to-end tests, side by side
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=$(SYNC) test-unit test-e2e

test-unit: $(READY) ## unit, property and DAG tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		$(APART:%=--ignore=tests/%)

test-e2e: $(READY) browser ## whole installations: Airflow, Spark, MLflow, the embedded SageMaker
	@$(BIN)/python -m pytest -n $(WORKERS_E2E) --dist loadfile tests/e2e

test-soak: $(READY) ## 200,000 requests across three deployments and a rollback
	@$(BIN)/python -m pytest tests/soak

test-cluster: $(ARCHIVE) ## the feature job and a first load on a Spark master and two workers of its own
	@$(BIN)/python -m pytest tests/cluster

postgres: ## Debian's PostgreSQL, for the tests of production
	@infra/program.sh '/usr/lib/postgresql/*/bin/initdb' "The tests of production need" postgresql

test-production: $(READY) postgres ## a night to a champion on PostgreSQL, with sign-in and planted secrets
	@$(BIN)/python -m pytest tests/production

test-backfill: $(READY) postgres ## a month of nights by Airflow's backfill, each compared with the night run alone
	@OVERNIGHT_BACKFILL_NIGHTS=$${NIGHTS:-30} $(BIN)/python -m pytest tests/production/test_backfill.py

# What goes into each, so that neither is made anew without a reason.
$(ARCHIVE): infra/packaging/requirements.lock $(shell find expectations feature_jobs infra pipelines training -name '*.py' -o -name '*.pyi') | $(READY)
	@$(BIN)/python -m infra.packaging.environment dist

dist: $(ARCHIVE) ## the wheel, and the Python environment of Spark's workers, into dist
	@rm -f dist/overnight-*.whl
	@$(BIN)/python -m hatchling build --target wheel --directory dist

test-dist: dist ## the wheel in an empty environment, the archive in a job of EMR Serverless
	@$(BIN)/python -m pytest tests/dist

test-faults: $(READY) ## kills at every side effect, torn writes, outages; each run again and compared
	@$(BIN)/python -m pytest tests/crashes

$(INFRA_READY): infra/aws/requirements.lock infra/aws/setup.sh | $(READY)
	@infra/aws/setup.sh $(BIN)/uv $(INFRA)
	@touch $@

infra: $(INFRA_READY) ## the CloudFormation templates of dev and prod, into dist/aws
	@$(IN_INFRA) -m infra.aws.app dist/aws

test-infra: $(INFRA_READY) ## the AWS stack: its security properties, cfn-lint, cdk-nag, checkov, its types
	@$(IN_INFRA) -m mypy --config-file infra/aws/mypy.ini
	@$(IN_INFRA) -m pytest --confcutdir=tests/infra/aws tests/infra/aws

$(AUDIT_READY): infra/supply/requirements.lock infra/supply/setup.sh | $(READY)
	@infra/supply/setup.sh $(BIN)/uv $(AUDIT)
	@touch $@

pin: $(READY) ## the Debian packages of the image's base, as the mirror has them, into debian.lock
	@infra/serving/image/pin.sh

image: $(READY) ## the serving image as TAG, on Debian's packages, into dist/image; BASE=NAME@sha256:… takes another base
	@infra/serving/image/build.sh "$${TAG:?Name it: make image TAG=overnight-serving}"

# The contract of the container is the same for a process and for the image.
test-image: $(READY) $(AUDIT_READY) ## the image built, looked at, and asked as SageMaker asks
	@infra/serving/image/build.sh overnight-test
	@OVERNIGHT_SERVING=image:overnight-test $(BIN)/python -m pytest tests/image \
		tests/infra/serving/test_container.py tests/infra/serving/http/test_supervisor.py \
		tests/infra/serving/http/test_connection.py

sbom: $(AUDIT_READY) ## the bill of materials of the platform, CycloneDX, into dist/sbom
	@mkdir -p $(BILLS)
	@$(LIST) $(VENV) $(BILLS)/overnight.json --pyproject pyproject.toml --mc-type application
	@printf 'Wrote %s\n' $(BILLS)/overnight.json

# Only names and licences are read here: checking the bills would take a minute each.
licences: $(AUDIT_READY) $(INFRA_READY) ## the licence of every locked package, and whether it is one that we take
	@bills=$$(mktemp -d); trap 'rm -rf "$$bills"' EXIT; \
	for venv in $(VENV) $(INFRA) $(AUDIT); do \
		$(LIST) $$venv "$$bills/$$(basename $$venv).json" --no-validate \
			2>"$$bills/said" || { cat "$$bills/said" >&2; exit 1; }; \
	done; \
	$(BIN)/python -m infra.supply.licences "$$bills"/.venv*.json $(ARGS)

audit: $(AUDIT_READY) ## known vulnerabilities of every locked package, asked of a public service
	@$(BIN)/python -m infra.supply.audit $(AUDIT) --today $$(date -u +%F) $(ARGS)

docs: $(READY) ## the documentation, into dist/docs; links are checked
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@printf 'Wrote dist/docs/index.html. With its search: %s -m http.server --bind 127.0.0.1 --directory dist/docs\n' $(BIN)/python

bench: bench-features bench-handbook bench-validation bench-detection bench-training bench-ids bench-night bench-wide bench-serving ## every benchmark; results under tests/benchmarks/results

bench-features: $(READY) ## the feature engine against Spark windows, DuckDB, Polars, pandas, a bare kernel
	@$(BIN)/python -m tests.benchmarks.features $(ARGS)

bench-handbook: $(READY) ## all features of the spec handbook, session start included
	@$(BIN)/python -m tests.benchmarks.handbook $(ARGS)

bench-validation: $(READY) ## the gate against Great Expectations as it comes, 2M rows x 60 columns
	@$(BIN)/python -m tests.benchmarks.validation $(ARGS)

bench-detection: $(READY) ## frauds found on the Handbook's test folds, against FLAML and Optuna's LightGBM tuner
	@$(BIN)/python -m tests.benchmarks.detection $(ARGS)

bench-training: $(READY) ## memory and time of tuning and fitting on the Handbook's rows
	@$(BIN)/python -m tests.benchmarks.training $(ARGS)

bench-ids: $(READY) ## the index of transaction ids: 2,000 days of 50,000 ids, integers and UUIDs
	@$(BIN)/python -m tests.benchmarks.ids $(ARGS)

bench-night: $(READY) ## a first load and one more night on 2, 10 and 100 million rows of history, step by step
	@$(BIN)/python -m tests.benchmarks.night $(ARGS)

bench-wide: $(READY) ## a first run on 590,000 rows of 400 columns, as CSV and as Parquet, step by step
	@$(BIN)/python -m tests.benchmarks.wide $(ARGS)

bench-serving: $(READY) ## the container against MLflow's own server, under the load of wrk
	@$(BIN)/python -m tests.benchmarks.serving $(ARGS)

check: $(READY) ## format, lint, types, import rules, what a DAG file may load
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/dags/test_parsing.py

format: $(READY) ## rewrite the code in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --upgrade

lock: $(READY) ## make the locks anew from pyproject.toml: ours, the container's, the Spark workers', the image build's, the CDK's, the judges'
	@$(COMPILE) pyproject.toml --group dev --output-file requirements.lock
	@$(COMPILE) --group serving --no-deps --constraints requirements.lock \
		--output-file infra/serving/image/requirements.lock
	@$(COMPILE) --group spark --constraints requirements.lock --output-file infra/packaging/requirements.lock
	@$(COMPILE) --group image --output-file infra/serving/image/build-requirements.lock
	@$(COMPILE) --group infra --output-file infra/aws/requirements.lock
	@$(COMPILE) --group audit --output-file infra/supply/requirements.lock

clean: ## remove everything that was made, the environment included
	@rm -rf $(VENV) $(INFRA) $(AUDIT) var dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
