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

.DEFAULT_GOAL := help
.PHONY: help sweep ui test test-fast check format bench calibration

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

sweep: .venv/ready  ## run a sweep: make sweep SWEEP=sweeps/other.yaml
	$(BIN)/sweepspot run $(SWEEP)

ui: .venv/ready  ## show the sweeps in the MLflow UI, on 127.0.0.1
	$(BIN)/sweepspot ui

test: .venv/ready  ## run every test, with coverage
	$(BIN)/python -m pytest -m "not gpu" --cov --cov-report=term

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
