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
IN_INFRA := PATH="$(CURDIR)/$(INFRA)/bin:$$PATH" PYTHONPATH="$(CURDIR)" $(INFRA)/bin/python

.PHONY: help setup demo up browser test test-cluster test-faults test-soak test-infra infra check format bench bench-features bench-handbook bench-validation bench-detection bench-training bench-serving lock clean

help: ## what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s'|'

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

test: $(READY) browser ## unit, property, DAG and end-to-end tests
	@$(BIN)/python -m pytest --ignore=tests/cluster --ignore=tests/crashes --ignore=tests/soak

test-soak: $(READY) ## 200,000 requests across three deployments and a rollback
	@$(BIN)/python -m pytest tests/soak

test-cluster: $(READY) ## the feature job on a Spark master and two workers of its own
	@$(BIN)/python -m pytest tests/cluster

test-faults: $(READY) ## kills at every side effect, torn writes, outages; each run again and compared
	@$(BIN)/python -m pytest tests/crashes

$(INFRA_READY): requirements-infra.lock infra/aws/setup.sh | $(READY)
	@infra/aws/setup.sh $(BIN)/uv $(INFRA)
	@touch $@

infra: $(INFRA_READY) ## the CloudFormation templates of dev and prod, into dist/aws
	@$(IN_INFRA) -m infra.aws.app dist/aws

test-infra: $(INFRA_READY) ## the AWS stack: its security properties, cfn-lint, cdk-nag, checkov, its types
	@$(IN_INFRA) -m mypy --config-file infra/aws/mypy.ini
	@$(IN_INFRA) -m pytest --confcutdir=tests/infra/aws tests/infra/aws

bench: bench-features bench-handbook bench-validation bench-detection bench-training bench-serving ## every benchmark; results under tests/benchmarks/results

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

bench-serving: $(READY) ## the container against MLflow's own server, under the load of wrk
	@$(BIN)/python -m tests.benchmarks.serving $(ARGS)

check: $(READY) ## format, lint, types, import rules, what a DAG file may load
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/dags/test_parsing.py

format: $(READY) ## rewrite the code in the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --upgrade

lock: $(READY) ## make the five locks anew from pyproject.toml: ours, the container's, the Spark workers', the image build's, the CDK's
	@$(COMPILE) pyproject.toml --group dev --output-file requirements.lock
	@$(COMPILE) --group serving --constraints requirements.lock \
		--output-file requirements-serving.lock
	@$(COMPILE) --group spark --constraints requirements.lock --output-file requirements-spark.lock
	@$(COMPILE) --group image --output-file requirements-image.lock
	@$(COMPILE) --group infra --output-file requirements-infra.lock

clean: ## remove everything that was made, the environment included
	@rm -rf $(VENV) $(INFRA) var dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
