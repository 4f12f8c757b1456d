# On a machine with Python 3.11 or 3.12 and make, two commands are enough:
#   make table1   the whole method at sample scale: results/table1.csv
#   make test     the tests; make test-slurm: those that start a real SLURM (root, minutes); make test-all: both
# make quick runs the unit tests affected by the changes since main.

SHELL := /bin/bash
VENV := .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
export PYTHON
# Where it is set, each of hundreds of short processes compiles the project anew
unexport PYTHONDONTWRITEBYTECODE
# $$PWD, not $(CURDIR): the shell would parse special characters in a folder name that make inserts
ACTIVATE := export PATH="$$PWD/$(VENV)/bin:$$PATH" VIRTUAL_ENV="$$PWD/$(VENV)"

.PHONY: table1 test quick test-slurm test-all env lint lock clean

table1: env
	$(ACTIVATE) && snakemake --cores all results/table1.csv && cat results/table1.md

# One test process per core (tests/conftest.py)
test: env
	$(ACTIVATE) && pytest -n auto --maxprocesses 8

quick: env
	$(ACTIVATE) && pytest -q -n auto --maxprocesses 8 $$(python tests/changed.py)

test-slurm: env
	$(ACTIVATE) && pytest tests/integration/slurm

# One process more than there are cores, because the SLURM tests mostly wait. nproc would print OMP_NUM_THREADS
test-all: env
	$(ACTIVATE) && pytest -n $$(python -c 'import os; print(min(os.cpu_count() + 1, 8))') tests tests/integration/slurm

env: $(VENV)/installed

# $(call entry,NAME) prints the lock's entry of one package; $(call entry,NAME,!) prints all the others
entry = awk '/^[^ ]/ {own = /^$(1)==/} $(2)own' requirements.lock

# pip installs uv from the lock, and uv the rest; both check hashes.
# Bytecode is compiled now: an environment on a shared disk may be read-only later, and each job would start 4 s slower.
# Only xtcocotools must be compiled. If that fails, everything except pose estimation still works.
$(VENV)/installed: requirements.lock pyproject.toml
	@case "$$PWD" in *[:{}]*) echo "error: the path of this folder must not contain a colon or brace: $$PWD" >&2; exit 1;; esac
	"$$PYTHON" -m venv $(VENV)
	$(call entry,uv) > $(VENV)/uv.txt
	$(call entry,xtcocotools) > $(VENV)/compiled.txt
	$(call entry,xtcocotools,!) > $(VENV)/wheels.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.txt
	$(ACTIVATE) && uv pip sync --quiet --compile-bytecode --require-hashes $(VENV)/wheels.txt
	$(ACTIVATE) && uv pip install --quiet --no-deps --require-hashes -r $(VENV)/compiled.txt 2> $(VENV)/compiled.log \
		|| echo "note: pose estimation is not available: xtcocotools needs a C compiler and Python's headers ($(VENV)/compiled.log)"
	$(ACTIVATE) && uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

lint: env
	$(ACTIVATE) && ruff format --check . && ruff check . && snakefmt --check Snakefile rules && mypy

# The only command that asks a package index for available versions
lock: env
	$(ACTIVATE) && python envs/lock.py

clean:
	rm -rf $(VENV) .snakemake .mypy_cache .pytest_cache .ruff_cache .hypothesis
