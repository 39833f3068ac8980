# What a person does with Echolake. Every target sets the checkout up first; what is done already is skipped.
# make itself exits with 2 whatever a recipe's own code was: 1 failed, 2 wrong usage.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Recipes read these from the environment, quoted, so that no value is ever taken for shell code.
export DATE FROM TO NAME CUSTOMER MODEL CALLS TRANSACTIONS PEOPLE DAYS NIGHTS N SEED FAULTS
python := .venv/bin/python
# Each worker has a Spark server of its own; the tests of a file share what they make.
pytest := $(python) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# $(call need,VARIABLE,example): stops with the usage when the variable was not given.
need = @[[ -n "$${$(1):-}" ]] || { printf '%s\n' \
	'make $*: expected $(1), found none' 'to do: $(2)' >&2; exit 2; }

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

.PHONY: run nightly load backfill table
run: install ## the main job on a small made-up world: its last nights through Airflow, then where to look
	@$(python) -m jobs run

nightly: install ## the nightly DAG for one business date (default: the previous one): DATE=2026-01-31
	@$(python) -m jobs nightly $${DATE:+--date "$$DATE"}

load: load-usage install ## the first load of a history, each table in one pass: FROM=2025-01-01 TO=2026-01-30
	@$(python) -m jobs load --from "$$FROM" --to "$$TO"

backfill: backfill-usage install ## the nights of a range again, oldest first: FROM=2026-01-01 TO=2026-01-31
	@$(python) -m jobs backfill --from "$$FROM" --to "$$TO"

table: table-usage install ## one table for one business date: NAME=gold.service_kpis DATE=2026-01-31
	@$(python) -m jobs table "$$NAME" --date "$$DATE"

.PHONY: train rollback
train: train-usage install ## a model trained, compared, promoted through the gates: MODEL=churn DATE=2026-01-31
	@$(python) -m jobs train "$$MODEL" --date "$$DATE"

rollback: rollback-usage install ## the champion before the present one again: MODEL=churn DATE=2026-01-31
	@$(python) -m jobs rollback "$$MODEL" --date "$$DATE"

.PHONY: report
report: report-usage install ## one report as a self-contained page: NAME=repeat_calls DATE=2026-01-31
	@$(python) -m jobs report "$$NAME" --date "$$DATE"

.PHONY: deliver
deliver: install ## the lists of a night handed over, what is missing sent again (default: the previous one): DATE=2026-01-31
	@$(python) -m jobs deliver $${DATE:+--date "$$DATE"}

.PHONY: erase export
erase: erase-usage install ## one person gone from all that is kept: CUSTOMER=C1
	@$(python) -m jobs erase --customer "$$CUSTOMER"

export: export-usage install ## all that is held of one person, as JSON: CUSTOMER=C1
	@$(python) -m jobs export --customer "$$CUSTOMER"

.PHONY: airflow mlflow sql
airflow: install ## Airflow with its UI, all its parts and its database, on this machine alone
	@$(python) -m jobs airflow

mlflow: install ## MLflow's UI on the models of this checkout, on this machine alone
	@$(python) -m jobs mlflow

sql: install ## a SQL prompt on the lake
	@$(python) -m jobs sql

.PHONY: test check audit format docs bench figures chaos
test: install ## every test
	@$(pytest)

check: install ## what CI runs: format, lint, types, import rules, tests
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(pytest)

audit: install ## known faults of what is installed (asks osv.dev), and secrets in the history of the repository
	@audited=0; $(python) scripts/audit.py || audited=1; $(python) -m tests.security.leaks --history; exit $$audited

format: install ## format the code and mend what the linter can
	@.venv/bin/ruff check --quiet --fix-only .
	@.venv/bin/ruff format .

docs: install ## docs/data_dictionary.md again, from the tables' declarations
	@$(python) -m jobs dictionary

bench: install ## speed and memory on this machine, next to DuckDB and Polars: CALLS=250 TRANSACTIONS=1000 (a day)
	@$(python) -m bench $${CALLS:+--calls "$$CALLS"} $${TRANSACTIONS:+--transactions "$$TRANSACTIONS"} \
		$${PEOPLE:+--customers "$$PEOPLE"} $${DAYS:+--days $$DAYS} $${NIGHTS:+--nights "$$NIGHTS"}

figures: bench ## the figures of the README whose command has no option too, measured on this machine; hours
	@$(python) -m bench.growth
	@$(python) -m bench.tags
	@$(python) -m bench.repeats
	@$(python) -m bench.churn
	@$(python) -m bench.outreach
	@$(python) -m bench.history
	@$(python) -m bench.upkeep

chaos: install ## nights that go wrong, and what must hold after each: N=20 SEED=7 FAULTS="cut clock"
	@$(python) -m chaos --rounds "$${N:-20}" --seed "$${SEED:-7}" $${FAULTS:+--faults $$FAULTS}

.PHONY: places s3
places: s3 ## one sample week loaded here, on a cluster in two ways and on S3, compared row by row
	@$(python) -m bench.places

s3: install ## what a lake on S3 needs, and a server of S3 for the tests
	@scripts/setup.sh s3

.PHONY: install lock clean
install: ## the set-up alone: uv, the Python packages, Spark's jars
	@scripts/setup.sh

lock: install ## requirements.lock again, from requirements.in
	@scripts/lock.sh

clean: ## take back the set-up and all caches; the lake, keys and deliveries stay
	@rm -rf .venv .local/setup .local/jars .local/jars-s3 .local/classes .local/s3proxy .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -path ./.local -prune -o -name __pycache__ -type d -exec rm -rf {} +

.PHONY: load-usage backfill-usage table-usage report-usage train-usage rollback-usage erase-usage export-usage
load-usage backfill-usage: %-usage:
	$(call need,FROM,make $* FROM=2026-01-01 TO=2026-01-31)
	$(call need,TO,make $* FROM=2026-01-01 TO=2026-01-31)

table-usage: %-usage:
	$(call need,NAME,make $* NAME=gold.service_kpis DATE=2026-01-31)
	$(call need,DATE,make $* NAME=gold.service_kpis DATE=2026-01-31)

report-usage: %-usage:
	$(call need,NAME,make $* NAME=repeat_calls DATE=2026-01-31)
	$(call need,DATE,make $* NAME=repeat_calls DATE=2026-01-31)

train-usage rollback-usage: %-usage:
	$(call need,MODEL,make $* MODEL=churn DATE=2026-01-31)
	$(call need,DATE,make $* MODEL=churn DATE=2026-01-31)

erase-usage export-usage: %-usage:
	$(call need,CUSTOMER,make $* CUSTOMER=C1)
