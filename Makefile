# `make quickstart` and `make test` work on a machine with nothing but Python 3.11 to 3.13.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
# Where the CPU build of torch comes from; empty means pip's own index.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
EXTRAS ?= plot,test
RUN = $(VENV)/bin/python -m
OUT ?= quickstart

.PHONY: quickstart test lint clean

$(VENV)/torch:
	$(PYTHON) -m venv $(VENV)
	@echo "installing the CPU build of torch"
	@if [ -n "$(TORCH_INDEX)" ]; then \
	  $(RUN) pip install --quiet --retries 0 --timeout 20 --index-url $(TORCH_INDEX) '$(TORCH)' || \
	  $(RUN) pip install --quiet '$(TORCH)'; \
	else $(RUN) pip install --quiet '$(TORCH)'; fi
	@touch $@

$(VENV)/installed: $(VENV)/torch pyproject.toml
	@echo "installing routenas"
	$(RUN) pip install --quiet -e '.[$(EXTRAS)]'
	@touch $@

quickstart: $(VENV)/installed  ## search, train, compare, score and draw on the data inside the package
	$(VENV)/bin/routenas quickstart --out $(OUT)

test: $(VENV)/installed  ## the whole test suite
	OMP_NUM_THREADS=1 $(RUN) pytest -n 2

lint: $(VENV)/installed  ## format, lint and types
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

clean:
	rm -rf $(VENV) $(OUT) build *.egg-info
