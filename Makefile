# Every target does all its own set-up: a virtual environment in .venv from the locked versions.
PYTHON ?= python3
BIN := .venv/bin

# Scenario and integration tests mostly wait: four at a time, each with its own switch and Postgres.
PYTEST_TOGETHER := $(BIN)/pytest -n 4 --dist loadfile

.PHONY: demo test all chaos check bench serve fmt lock audit
.DEFAULT_GOAL := help

help: ; @sed -n 's/^\([a-z]*\):[^;]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

demo: .venv/ready ## the main job, embedded: Postgres, a switch and the engine start, calls arrive, records are printed
	$(BIN)/callcontrol demo

test: check .venv/sipp .venv/voice .venv/bin/promtool ## everything: lint, types, import contracts, then all tests but those marked long; every branch of the pure packages
	$(BIN)/pytest -n 2 tests/unit tests/property --cov=dialplan --cov=tariffs --cov-branch --cov-report= --cov-fail-under=100
	$(PYTEST_TOGETHER) tests/chaos tests/conformance tests/fuzz tests/integration tests/scenario

all: check .venv/sipp .venv/voice .venv/bin/promtool ## what `make test` runs, and every test that is marked long; half an hour
	$(PYTEST_TOGETHER) -m "long or not long"

chaos: .venv/ready ## ten minutes of calls while engines, workers, Postgres, links and the switch are killed; what was lost?
	$(BIN)/python -m tests.chaos

check: .venv/ready ## lint, types, import contracts, unit and property tests; under a minute or two
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(if $(filter check,$(MAKECMDGOALS)),$(BIN)/pytest -n 2 tests/unit tests/property)

bench: .venv/ready ## figures of speed in one table, ours beside plain peers; some minutes, on a quiet machine (QUICK=1: one)
	$(BIN)/python -m bench $(if $(QUICK),--quick)

serve: .venv/ready ## the engine, with settings from the environment, .env or callcontrol.toml
	$(BIN)/callcontrol serve

fmt: .venv/ready ## format the code and mend what lint can mend
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

# Extras stay in the locks: for a `coverage[toml]` that is locked without its extra, pip looks for the newest
# and then refuses it for its missing hash, from the day a newer one is out.
lock: .venv/ready ## choose new versions of the dependencies and lock them with their hashes
	$(PYTHON) -m venv .venv/lock && .venv/lock/bin/pip install -q uv
	.venv/lock/bin/uv pip compile -q --no-strip-extras --upgrade pyproject.toml --generate-hashes --no-header -o requirements.lock
	.venv/lock/bin/uv pip compile -q --no-strip-extras -c requirements.lock pyproject.toml --all-extras --group dev --generate-hashes --no-header -o requirements-dev.lock

audit: ## known faults of what is locked, by PyPI's advisories; needs the internet
	$(PYTHON) -m venv .venv/audit && .venv/audit/bin/pip install -q --disable-pip-version-check pip-audit
	.venv/audit/bin/pip-audit --require-hashes --disable-pip -r requirements.lock

.venv/ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/voice: .venv/ready
	@command -v espeak-ng >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends espeak-ng >/dev/null; } || \
	  echo "No espeak-ng: the test that speaks with it is skipped." >&2
	@touch $@

.venv/sipp: .venv/ready
	@if command -v sipp >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends sip-tester >/dev/null; \
	else echo "The scenario tests need SIPp: install the package sip-tester (as root: apt-get install sip-tester)." >&2; exit 1; fi
	@touch $@

# Of Debian's package only the checker is taken: nothing is installed, no server is started.
.venv/bin/promtool: .venv/ready
	@if command -v promtool >/dev/null; then ln -sf "$$(command -v promtool)" $@; \
	elif command -v apt-get >/dev/null; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get -qq update; fi; \
	  folder=$$(mktemp -d) && (cd "$$folder" && apt-get -qq download prometheus 2>/dev/null) && \
	  dpkg-deb --fsys-tarfile "$$folder"/prometheus_*.deb | tar -x -C "$$folder" ./usr/bin/promtool && \
	  install "$$folder/usr/bin/promtool" $@ && rm -r "$$folder"; \
	else echo "The alarms are checked by promtool: install the package prometheus, or put promtool on the path." >&2; exit 1; fi
