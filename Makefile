# wxvault: `make` prepares everything, `make demo` shows it, `make test` proves it. `make help` lists all.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := setup
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# The interpreter that the environments are made from. Functions run on python3.13, so does all the rest.
PYTHON ?= python3.13

# Every recipe finds the project's own tools first. `sam build` runs make in a temporary folder, where
# the shim of a version manager no longer knows which Python this project means.
MACHINE_PATH := $(PATH)
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.venv-sam/bin:$(CURDIR)/.venv-ministack/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE PYTHONWARNINGS MAKEFLAGS MAKELEVEL

say = @printf '%s\n' "› $(1)"

# Shows what a command says only if it fails.
quietly = said=$$($(1) 2>&1) || { printf '%s\n' "$$said" >&2; exit 1; }

# ---- environments -------------------------------------------------------------------------------

DEV := .venv/.ready
SAM := .venv-sam/.ready
MINISTACK := .venv-ministack/.ready

.PHONY: setup
setup: $(DEV) $(SAM) $(MINISTACK) ## prepare the three environments (default)
	$(call say,ready: make demo | make run | make test | make help)

define NO_PYTHON
Python 3.13 with its venv module is needed, and "$(PYTHON)" is not it. Ways to get it:
  Debian, Ubuntu   apt install python3.13 python3.13-venv
  Fedora           dnf install python3.13
  macOS            brew install python@3.13
  anywhere         pyenv install 3.13      (or: uv python install 3.13)
If it is installed under another name or path:  make PYTHON=/path/to/python3.13
endef
export NO_PYTHON

# An environment that was left half made is made anew, by the machine's Python and not by its own.
define make_venv
.venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || { \
	export PATH="$(MACHINE_PATH)"; \
	$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null \
		|| { printf '%s\n' "$$NO_PYTHON" >&2; exit 1; }; \
	$(PYTHON) -m venv --clear .venv; \
}
endef

# Without a network the installer's cache will do, if it has seen these very files before.
# In a terminal the installer shows what it is loading.
SYNC = uv pip sync $(if $(MAKE_TERMOUT),,--quiet) --require-hashes
sync = export VIRTUAL_ENV=$(CURDIR)/$(1); $(SYNC) $(2) || $(SYNC) --offline $(2)

$(DEV): requirements/uv.txt requirements/dev.txt .python-version
	$(call say,.venv: what the project is checked and tested with)
	@$(make_venv)
	@.venv/bin/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@$(call sync,.venv,requirements/dev.txt)
	@touch $@

$(SAM): requirements/sam.txt | $(DEV)
	$(call say,.venv-sam: builds and validates the template)
	@[ -x .venv-sam/bin/python ] || uv venv --quiet --python .venv/bin/python .venv-sam
	@$(call sync,.venv-sam,requirements/sam.txt)
	@touch $@

$(MINISTACK): requirements/ministack.txt | $(DEV)
	$(call say,.venv-ministack: the local AWS)
	@[ -x .venv-ministack/bin/python ] || uv venv --quiet --python .venv/bin/python .venv-ministack
	@$(call sync,.venv-ministack,requirements/ministack.txt)
	@touch $@

COMPILE = uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-annotate --no-header

.PHONY: requirements
requirements: $(DEV) ## write the hashed requirement files anew (UPGRADE=--upgrade for newer versions)
	$(call say,resolving; the files keep what still fits)
	@$(COMPILE) $(UPGRADE) -o layers/dependencies/requirements.txt layers/dependencies/requirements.in
	@for name in uv dev sam ministack; do \
		echo "  $$name"; $(COMPILE) $(UPGRADE) -o requirements/$$name.txt requirements/$$name.in; \
	done

# ---- the code, while it is written --------------------------------------------------------------

.PHONY: fmt
fmt: $(DEV) ## format, and mend what ruff can mend
	@ruff check --quiet --fix-only .
	@ruff format .

.PHONY: lint
lint: $(DEV) ## ruff with nearly every rule
	$(call say,ruff)
	@ruff check .
	@ruff format --quiet --check . || { echo 'Some files are not formatted: make fmt' >&2; exit 1; }

.PHONY: types
types: $(DEV) ## mypy strict, tests included
	$(call say,mypy)
	@mypy

REGIONS := us-east-1 ap-southeast-1 ap-east-1 cn-north-1 cn-northwest-1

.PHONY: lint-template
lint-template: $(DEV) $(SAM) ## sam validate, and cfn-lint before and after the SAM transform, for five regions
	$(call say,sam validate: does the transform accept the template?)
	@$(call quietly,sam validate --region us-east-1)
	$(call say,sam validate --lint)
	@$(call quietly,sam validate --region us-east-1 --lint)
	$(call say,cfn-lint: as written and as the transform makes it: $(REGIONS))
	@mkdir -p .aws-sam
	@python -m tests.template.translation > .aws-sam/translated.json
	@cfn-lint --regions $(REGIONS) --template template.yaml .aws-sam/translated.json

# ---- tests --------------------------------------------------------------------------------------

.PHONY: test-fast
test-fast: lint ## the inner loop: ruff and the quick unit tests
	$(call say,unit tests (but for the random schedules and the journeys of the sample events: make test))
	@pytest -q -n auto --maxprocesses 4 tests/unit --ignore tests/unit/services/test_grants_in_any_order.py \
		--ignore tests/unit/test_events_samples.py --ignore tests/unit/test_account_samples.py

# One schedule with its trace: make simulate SEED=17, or the name that a failure was printed with.
.PHONY: simulate
simulate: $(DEV) ## crash, silence and reorder every step of the use cases in virtual time (SEED=… shows one)
	@$(if $(SEED),,printf '› %s\n' 'the use cases under faults, in virtual time: about two minutes')
	@PYTHONPATH=layers/wxvault/python exec python -m tests.simulation.run $(SEED)

.PHONY: simulate-all
simulate-all: $(DEV) ## the same with every pair of journeys, every order and every fault: about 20 minutes
	$(call say,every pair of journeys, in every order, with every fault)
	@PYTHONPATH=layers/wxvault/python exec python -m tests.simulation.run --all

# Between the tests and the functions stands an emulator with faults of its own: what fails is tried
# once more on a fresh stack, for all to see. What fails again, fails. Tests that look for what depends
# on chance get no second chance: one that fails now and then has found something.
AGAIN := some failed (above): these once more, on a fresh stack
ONCE := one of these looks for what depends on chance, and is not tried again:
ONCE_ONLY := tests/stack/test_(chaos|sealing_attacks|rotation|orders)\.py[^"]*
export AGAIN ONCE ONCE_ONLY
FAILED_AGAIN := pytest -v --last-failed --last-failed-no-failures none tests/stack

.PHONY: test-stack
test-stack:
	@pytest -v tests/stack || { [ $$? = 1 ] || exit 1; \
		if failed=$$(grep -oE "$$ONCE_ONLY" .pytest_cache/v/cache/lastfailed); then \
			printf '%s\n' "› $$ONCE" "$$failed" >&2; exit 1; \
		fi; \
		printf '› %s\n' "$$AGAIN"; $(FAILED_AGAIN); }

.PHONY: test
test: lint types lint-template $(MINISTACK) ## everything
	$(call say,unit and integration tests and what the template promises)
	@pytest -n auto --maxprocesses 4 tests --ignore=tests/stack
	$(call say,the journeys in the deployed local stack)
	@$(MAKE) test-stack
	$(call say,all green)

# ---- fuzzing ------------------------------------------------------------------------------------

INPUTS ?= 200000
FUZZ = PYTHONPATH=layers/wxvault/python python -m tests.fuzz $(if $(TARGET),--target $(TARGET)) \
	$(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS))

.PHONY: fuzz
fuzz: $(DEV) ## fuzz every parser and door, 200,000 inputs each (INPUTS=, TARGET=callback, SEED=, JOBS=)
	@$(FUZZ) --inputs $(INPUTS)

.PHONY: fuzz-corpus
fuzz-corpus: $(DEV) ## keep the inputs of earlier runs that take a way no kept one takes
	@$(FUZZ) --keep

.PHONY: mutants
mutants: $(DEV) ## take each guard of the vault away, and show what notices
	$(call say,mutants: each must be caught)
	@PYTHONPATH=layers/wxvault/python python -m tests.simulation.mutants

# ---- build and run ------------------------------------------------------------------------------

# The processor of the build is the one of parameter Architecture at `sam deploy`.
ARCHITECTURE ?= arm64

.PHONY: build
build: $(DEV) $(SAM) ## build for AWS into .aws-sam/build (ARCHITECTURE=x86_64 for the other processor)
	$(call say,sam build for $(ARCHITECTURE))
	@WHEEL_ARCH=$(ARCHITECTURE) sam build --region us-east-1 --parameter-overrides Architecture=$(ARCHITECTURE)

.PHONY: run
run: $(DEV) $(SAM) $(MINISTACK) ## the local stack with a first merchant, until Ctrl-C
	@exec python -m sandbox.stack run

.PHONY: demo
demo: $(DEV) $(SAM) $(MINISTACK) ## the same, then exits: 0, or 1 with the step that failed
	@exec python -m sandbox.stack demo

.PHONY: iam-matrix
iam-matrix: $(DEV) $(SAM) $(MINISTACK) ## who may do what: every role tried out on the deployed local stack
	@exec python -m sandbox.stack iam-matrix

.PHONY: release-test
release-test: $(DEV) $(SAM) $(MINISTACK) ## WeChat's check before a full release, step by step, on the deployed local stack
	@exec python -m sandbox.stack release-test

.PHONY: message-load
message-load: $(DEV) $(SAM) $(MINISTACK) ## floods of users' messages at the deployed local stack, with tickets in between
	@exec python -m sandbox.stack message-load

MINUTES ?= 3

.PHONY: chaos
chaos: $(DEV) $(SAM) $(MINISTACK) ## the deployed stack under faults, judged (MINUTES=3, SEED=… repeats the choices)
	@exec python -m sandbox.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

.PHONY: sandbox
sandbox: $(DEV) ## only WeChat for one desk, until Ctrl-C
	@exec python -m sandbox.wechat

# ---- operation ----------------------------------------------------------------------------------

.PHONY: status
status: $(DEV) ## how a deployment stands, and what to do next (STACK=name on AWS; fails if somebody has to act)
	@exec python -m tools.status --stack="$(STACK)" $(if $(JSON),--json)

.PHONY: dlq
dlq: $(DEV) ## show the dead letters (STACK=name on AWS, REDRIVE=1 sends back, DROP=1 drops, QUEUE=renew)
	@exec python -m tools.dead_letters --stack="$(STACK)" --queue="$(QUEUE)" --redrive="$(REDRIVE)" --drop="$(DROP)"

.PHONY: resync
resync: $(DEV) ## hold the table against WeChat's list: a dry run (APPLY=1 does it, APPID=one, STACK=name on AWS)
	@exec python -m tools.resync --stack="$(STACK)" --apply="$(APPLY)" --appid="$(APPID)"

.PHONY: adopt
adopt: $(DEV) ## have every merchant that WeChat lists active, asking none of them (STACK=name on AWS)
	@exec python -m tools.resync --adopt --stack="$(STACK)"

.PHONY: restore
restore: $(DEV) ## put items of a restored table back (STACK=name SOURCE=table OVERWRITE=1; see docs/restore.md)
	@exec python -m tools.restore --stack="$(STACK)" --source="$(SOURCE)" --overwrite="$(OVERWRITE)"

# ---- housekeeping -------------------------------------------------------------------------------

.PHONY: clean
clean: ## remove environments, builds and caches
	@rm -rf .venv .venv-sam .venv-ministack .aws-sam .fuzz .stack .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22
