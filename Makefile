# make train:    builds, installs, trains on MNIST with each activation; results/ has the outcome
# make test:     lint, the site, doctests and tests
# make sanitize: the kernels' tests, with every access and every operation of the kernels checked;
#                then every kernel under valgrind, for memory that is read before it is written
# make clang:    the kernels' tests, on kernels that Clang has built
# make exercises: what of exercises/own/ is done, and what is next; SOLUTIONS=1 tests the solutions
# make lab:      the activation laboratory, in about an hour; LAB=--quick for a try
# make archive:  the raw numbers in one file, into build/minidl-numbers.tar, for a release
# make docs:     the site, into build/docs
# make bench:    measures minidl against its peers, in 35 minutes; BENCH=--quick for a try
# make conformance: compares minidl with its peers, in 5 minutes; CONFORMANCE=--short for a try
# make interoperability: tests minidl with packages that are too large for the other tests
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)
SOURCES = setup.py pyproject.toml $(shell find minidl minidl_lab -name '*.py' -o -name '*.pyi' -o -name '*.pyx' -o -name '*.pyx.in' -o -name '*.pxd')

BENCH_VENV ?= .venv-bench
CONFORMANCE_VENV ?= .venv-conformance
INTEROPERABILITY_VENV ?= .venv-interoperability
DOCS ?= build/docs

.PHONY: train lab archive exercises test sanitize clang lint docs site bench conformance interoperability build clean

train: $(VENV)/installed-examples
	$(BIN)/python examples/compare_activations.py

lab: $(VENV)/installed-lab
	$(BIN)/minidl-lab --data examples/data/mnist $(LAB)

archive:
	$(PYTHON) tests/helpers/lab_archive.py build/minidl-numbers.tar

exercises: $(VENV)/installed-exercises
	@$(BIN)/pytest exercises -qq --tb=no -rN $(if $(SOLUTIONS),--files solutions)

# A process of pytest for each processor, and one thread in each unless a test wants more: threads
# that wait for each other on busy processors took two fifths of the time.
test: $(VENV)/installed-test
	$(MAKE) --jobs 2 --output-sync=target lint site
	$(BIN)/pytest --doctest-modules --pyargs minidl minidl_lab --import-mode=importlib -q
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses=auto --dist=worksteal

# A report ends the process: with SIGABRT, at which pytest prints the test's line, and to the real
# stderr, which pytest must not capture. Python's own allocator would put objects side by side, where
# no access is outside. Leaks are not looked for: Python keeps memory until it ends. Only the levels
# that this machine runs are built; the installed package knows them.
sanitize: $(VENV)/installed-test
	MINIDL_LEVELS="$$($(BIN)/python -Ic 'from minidl import _kernels; print(*_kernels.levels())')" \
	MINIDL_SANITIZE=1 $(BIN)/python setup.py --quiet build
	PYTHONPATH=build/sanitized/lib PYTHONMALLOC=malloc \
	LD_PRELOAD=$(shell $(CC) -print-file-name=libasan.so) \
	ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 \
	UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1 \
	$(BIN)/pytest --capture=sys tests/helpers/sanitizers_work.py \
		tests/kernels tests/activations tests/losses tests/optim \
		tests/test_training_step.py tests/test_prediction.py tests/test_meetings.py
	$(BIN)/pytest tests/helpers/memcheck_work.py

# At the best level of this machine only, which takes half the time.
clang: $(VENV)/installed-test
	MINIDL_LEVELS="$$($(BIN)/python -Ic 'from minidl import _kernels; print(_kernels.levels()[0])')" \
	CC=clang MINIDL_BUILD=build/clang $(BIN)/python setup.py --quiet build
	PYTHONPATH=$(CURDIR)/build/clang/lib $(BIN)/pytest tests/kernels tests/activations tests/losses tests/optim \
		tests/test_training_step.py tests/test_two_paths.py tests/test_forks.py

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/cython-lint minidl
	$(BIN)/mypy

docs: $(VENV)/installed-docs
	$(MAKE) site

site:
	$(BIN)/sphinx-build -q --fail-on-warning --keep-going docs $(DOCS)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip --quiet install --upgrade pip

$(VENV)/installed-%: $(BIN)/python $(SOURCES)
	$(BIN)/pip install --quiet '.[$*]'
	touch $@

# The peers are large, so they have environments of their own.
bench: $(BENCH_VENV)/installed
	$(BENCH_VENV)/bin/python benchmarks/run.py $(BENCH)

conformance: $(CONFORMANCE_VENV)/installed
	$(CONFORMANCE_VENV)/bin/python conformance/run.py $(CONFORMANCE)

interoperability: $(INTEROPERABILITY_VENV)/installed
	$(INTEROPERABILITY_VENV)/bin/pytest -q tests/interoperability

$(BENCH_VENV)/installed: benchmarks/requirements.txt
$(CONFORMANCE_VENV)/installed: conformance/requirements.txt
$(INTEROPERABILITY_VENV)/installed: tests/interoperability/requirements.txt
$(BENCH_VENV)/installed $(CONFORMANCE_VENV)/installed $(INTEROPERABILITY_VENV)/installed: $(SOURCES)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --upgrade pip
	$(@D)/bin/pip install --quiet -r $(filter %requirements.txt,$^) .
	touch $@

# In place, for work on minidl itself; compiles what has changed. The core stays the Python that it
# is, for its edits to count at once and debuggers to step through; MINIDL_CORE=compiled compiles it.
build: export MINIDL_CORE ?= plain
build:
	$(if $(filter plain,$(MINIDL_CORE)),rm -f minidl/engine/*.so minidl/engine/tensor/*.so minidl/layers/activations/*.so)
	$(PYTHON) setup.py --quiet build_ext --inplace

# What took hours stays: the laboratory's cells, the papers' checkpoints.
clean:
	rm -rf build dist *.egg-info $(VENV) $(BENCH_VENV) $(CONFORMANCE_VENV) $(INTEROPERABILITY_VENV)
	rm -rf $(filter-out results/lab% results/papers,$(wildcard results/*))
	find minidl -name '*.so' -delete
