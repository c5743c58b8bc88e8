# Everything a person runs. `make help` lists it. Nothing outside this folder is installed or changed.

MOLT_HOME ?= .molt
MOLT_PORT ?= 8000
export MOLT_HOME MOLT_PORT

VENV := .venv
PY := $(VENV)/bin/python
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
# A virtual environment of the caller's must not leak into ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help install up test check demo verify status gas mutate prove prove-nightly prove-earnings symbolic slither chaos chaos-indexer chaos-tips bench-indexer bench-live bench-scale bench-tips bench-events bench-api schemathesis sim-votes storm-votes bench-verify lock openapi abi standard-input format clean

help: ## list these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------------- the platform

up: install ## run the whole platform here (Ctrl-C stops it; the next `make up` goes on with the same data)
	@exec $(PY) -m deploy.local up

demo: install ## tell the whole story against the running `make up`, and compare every figure with chain and API
	@$(PY) -m molt demo

verify: install ## rebuild the ledger from the running chain and compare it row by row
	@$(PY) -m deploy.local indexer verify

status: install ## where the running ledger stands: lag, finality, who writes, reorgs, differences, alarms
	@$(PY) -m deploy.local indexer status

# ------------------------------------------------------------------------------------------------------- tests and checks

test: install ## every test: contracts (forge), then everything else (pytest)
	@scripts/test

check: install ## lint, types, import order, staleness of generated files
	@scripts/check

gas: install ## gas of everything beside floor and peers, into docs/gas.md; fails on a missed target or 1 % more (CHECK=1, ACCEPT=1)
	@$(PY) -m scripts.gas $(if $(CHECK),--check) $(if $(ACCEPT),--accept)

mutate: install ## break the contracts in every small way; a test has to notice (changed lines; BASE=…, ALL=1, ONLY=…, JOBS=2)
	@$(PY) -m scripts.mutation $(if $(ALL),--all) $(if $(BASE),--base $(BASE)) $(if $(ONLY),--only "$(ONLY)") --jobs $(or $(JOBS),1)

prove: install .install/proofs ## every law of docs/invariants.md: invariants 256 × 500 deep, 10,000 fuzz inputs, mutants that have to die
	@$(PY) -m scripts.proving

prove-nightly: install .install/proofs ## the same, ten times as deep (hours)
	@$(PY) -m scripts.proving --nightly

prove-earnings: install ## earnings, CSV, wallets and statements beside the chain's own logs, after 2,000 random tips (TIPS=… SEED=…; minutes)
	@$(PY) -m tests.api.payouts.proving --tips $(or $(TIPS),2000) $(if $(SEED),--seed $(SEED))

symbolic: install .install/proofs ## what holds of the contracts for every input, by halmos on the release bytecode (ONLY=check_claim)
	@$(PY) -m scripts.proving.symbolic $(ONLY)

slither: install .install/proofs ## static analysis of the contracts; fails on a finding without a reason (half a minute)
	@$(PY) scripts/slither.py

chaos-indexer: install ## 1,000 chain histories under nodes that lie, 300 kills (COUNT=… KILLS=…; SEED=… COUNT=1 plays one again)
	@$(PY) scripts/chaos_indexer.py $(if $(BRIEF),--brief) $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--kills 0 --seed $(SEED),$(if $(KILLS),--kills $(KILLS)))

chaos: install ## 200 random reorganisations, 100 kills of indexer and relayer each (6 to 15 minutes)
	@$(PY) scripts/chaos.py

chaos-tips: install ## the node dies for 60 s in the middle of 200 tips: none lost, none paid twice (2 minutes)
	@OUTAGE_SECONDS=60 OUTAGE_TIPS=200 $(PY) -m pytest -q -s tests/end_to_end/test_rpc_outage.py | grep '^{'

bench-indexer: install ## rows/s of a backfill beside the limits, a plain loop, Ponder and Envio (ROUNDS=3; 20 minutes)
	@$(PY) -m tests.benchmarks.indexer --rounds $(or $(ROUNDS),3)

bench-live: install ## block mined to row committed, 1 and 20 tips a block: a bare follower, ours, Ponder (about 8 minutes)
	@$(PY) -m tests.benchmarks.live --blocks $(or $(BLOCKS),200)

bench-verify: install ## a verification of 1,000,000 rows: seconds, memory, and the three damages that it names (about 6 minutes)
	@$(PY) -m tests.benchmarks.verify --blocks $(or $(BLOCKS),2300)

bench-scale: install ## the ledger at 0.1, 1 and 10 million rows: rows/s, bytes a row, the API's questions (about 10 minutes)
	@$(PY) -m tests.benchmarks.scale

bench-tips: install ## 50 wallets tip by x402 for two minutes: tips/s, p50, p99, beside the chain alone; the bottleneck named (4 minutes)
	@$(PY) -m tests.benchmarks.tips --tippers $(or $(TIPPERS),50) --seconds $(or $(FOR),120)

bench-api: install ## the API with a million votes: p99, plans, requests a second and core, beside a bare handler (6 minutes)
	@$(PY) -m tests.benchmarks.api

schemathesis: install ## the API against its own description, all checks, as four kinds of caller (EXAMPLES=15; 8 minutes)
	@$(PY) -m tests.conformance --examples $(or $(EXAMPLES),15)

storm-votes: install ## 200 clients vote at random through replicas that are killed, until and after the end (2 minutes)
	@$(PY) -m tests.benchmarks.votes.storm

sim-votes: install ## attacks on a vote, 200 runs each: how often they win by raw counts, by weights, with rings (RUNS=200; minutes)
	@$(PY) -m tests.benchmarks.votes --runs $(or $(RUNS),200)

bench-events: install ## from a tip's block to the API's answer and to 200 listeners, median and p99 (3 minutes)
	@$(PY) -m tests.benchmarks.tips.events --tips $(or $(TIPS),60)

# ------------------------------------------------------------------------------------------------------------ maintenance

openapi: install ## write openapi.json anew
	@$(PY) -m api openapi > openapi.json

standard-input: install ## write contracts/verification anew: what the compiler is given, for block explorers and `molt verify-contract`
	@$(PY) scripts/standard_input.py

abi: install ## write contracts/abi anew
	@$(PY) scripts/export_abi.py

format: install ## format the Python and Solidity sources
	@ruff format -q . && ruff check -q --fix . ; forge fmt

lock: install ## resolve the dependencies anew into the lock files
	@scripts/lock

clean: ## remove what was installed and built (data in MOLT_HOME stays)
	rm -rf $(VENV) .venv-proofs .install node_modules out cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# ----------------------------------------------------------------------------------------------------------- installation

install: .install/python .install/node .install/contracts ## install what is missing, into this folder

.install/python: requirements-uv.lock requirements-dev.lock scripts/install-python
	@scripts/install-python $(VENV)
	@mkdir -p .install && touch $@

.install/node: package.json package-lock.json .npmrc scripts/install-node | .install/python
	@scripts/install-node $(VENV)
	@mkdir -p .install && touch $@

# Not part of `install`: only the proofs need it.
.install/proofs: requirements-proofs.lock scripts/install-proofs | .install/python
	@scripts/install-proofs $(VENV) .venv-proofs
	@mkdir -p .install && touch $@

.install/contracts: .install/node foundry.toml scripts/solc $(wildcard contracts/src/*.sol contracts/dev/*.sol scripts/*.sol)
	@scripts/build-contracts
	@mkdir -p .install && touch $@
