# The two commands of a fresh machine: `make demo` and `make test`. Both make .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One process a core; each loads torch, so not as many as a large machine has cores.
PYTEST := $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=8 --dist=worksteal

.PHONY: demo test test-all lint types unit styles pages clean

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.made pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@ $(VENV)/.installed

demo: $(VENV)/.installed
	cp "$$($(BIN)/python -c 'from matplotlib import cbook; print(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))')" inbox/grace_hopper.jpg
	printf 'style: flow-strokes\n' > inbox/grace_hopper.yaml
	$(BIN)/nstd once
	@echo 'In the outbox:'
	@ls -1 outbox/grace_hopper--flow-strokes*

test: lint types unit

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

unit: $(VENV)/.installed-test
	$(PYTEST)

test-all: lint types $(VENV)/.installed-test
	$(PYTEST) -m ''

styles: $(VENV)/.installed-test
	$(BIN)/python tests/makers/paint_styles.py inbox/styles

pages: $(VENV)/.installed-test
	$(BIN)/python tests/makers/write_pages.py

clean:
	rm -rf $(VENV) .nstd build *.egg-info
