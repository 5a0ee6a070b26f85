SWEEP ?= sweeps/digits.yaml
PYTHON ?= python3.11
LABELLED ?= benchmarks/labelled
MINUTES ?= 60
# MNIST: an mnist.npz, for the sets made of it. GIVEN: further folders of labelled runs to score.
MNIST ?=
GIVEN ?=
WORK ?=
BENCH ?=
BIN := .venv/bin
# Layers 0 to 2, of which every branch is tested.
CORE := src/sweepspot/errors.py,src/sweepspot/quiet.py,src/sweepspot/jsonlines.py,src/sweepspot/folders.py,src/sweepspot/space.py,src/sweepspot/data.py,src/sweepspot/networks.py,src/sweepspot/trial.py,src/sweepspot/spec.py,src/sweepspot/ledger.py,src/sweepspot/journal.py,src/sweepspot/protocols.py,src/sweepspot/selection.py,src/sweepspot/diagnosis/*,src/sweepspot/advice_ledger.py,src/sweepspot/sweepfile/*,src/sweepspot/schema.py

.DEFAULT_GOAL := help
.PHONY: help sweep ui test test-fast check format golden bench calibration

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

sweep: .venv/ready  ## run a sweep: make sweep SWEEP=sweeps/other.yaml
	$(BIN)/sweepspot run $(SWEEP)

ui: .venv/ready  ## show the sweeps in the MLflow UI, on 127.0.0.1
	$(BIN)/sweepspot ui

test: .venv/ready  ## run every test, with coverage
	$(BIN)/python -m pytest -m "not gpu" --cov --cov-report=term --cov-fail-under=90
	$(BIN)/coverage report --skip-covered --fail-under=100 --include="$(CORE)"

test-fast: .venv/ready  ## run the tests that need no TensorFlow and no time
	$(BIN)/python -m pytest -m "not gpu and not tf and not slow" -q

check: .venv/ready  ## lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: .venv/ready  ## write the golden files anew; review the difference
	$(BIN)/python -m pytest tests/golden --golden --no-cov -q

bench: .venv/ready  ## measure speed and quality beside other tools: make bench WORK=digits48; hours, goes on
	$(BIN)/python benchmarks/bench.py --missing $(WORK:%=--work %) $(BENCH)

calibration: .venv/ready  ## measure how often the labels are right; an hour, goes on when stopped
	$(BIN)/python benchmarks/calibration_data.py --out $(LABELLED) --minutes $(MINUTES) \
		$(if $(MNIST),--mnist $(MNIST))
	$(BIN)/python benchmarks/calibration.py --data $(LABELLED) $(LABELLED)/kept $(GIVEN) \
		--write benchmarks/calibration

# Byte-compiled once, which saves seconds at every start; made anew when the pins change.
.venv/ready: constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv || python3 -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m compileall -q .venv/lib src || true
	touch $@
