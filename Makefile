# The project's commands. `make` lists them; the two that matter are `make demo` and `make test`.
#
# Each sets up what it needs and no more: an environment in .venv, the page's tools in
# js/node_modules, the page itself, a Chromium. What is there and up to date is left alone, judged by
# the age of pyproject.toml, js/package-lock.json and js/src. Plain make 3.81 and sh will do.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# The first Python on the PATH that is new enough; `make demo PYTHON=/path/to/python3.12` overrides.
PYTHON ?= $(shell for p in python3 python python3.14 python3.13 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 && command -v $$p && break; done)
# pip lists some 150 packages: worth seeing the first time, which takes minutes; not in a log.
PIP := $(BIN)/python -m pip --disable-pip-version-check $(if $(CI)$(wildcard $(VENV)/.made-*),--quiet)
NPM := cd js && NPM_CONFIG_LOGLEVEL=error npm
REPORTS := .cache/reports

# Made files, and what they are made from (folders too: a removed source must count as a change).
LAB := $(VENV)/.made-lab
DEV := $(VENV)/.made-dev
NODE_MODULES := js/node_modules/.package-lock.json
PAGE := saliency_widget/static/widget.js
PAGE_SOURCES := js/build.mjs $(shell find js/src)

# For demo: PORT=8890, and LAB_ARGS=--no-browser or whatever else `jupyter lab` takes.
LAB_ARGS ?=
PORT_ARG := $(if $(PORT),--port=$(PORT))
# JupyterLab refuses to run as root unless told to, and root is who one is in a container.
ROOT_ARG := $(if $(filter 0,$(shell id -u)),--allow-root)
# For unit, browser, vitest and bench: further arguments, such as ARGS="-k cancel -x".
ARGS ?=

CHECKS := lint types page-check size vitest unit montage browser

.PHONY: help demo test setup build lint types page-check size vitest unit montage browser matrix lessons pictures bench bench-quick bench-gpu format dist clean distclean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(LAB) $(PAGE) ## open JupyterLab on the quickstart notebook
	$(BIN)/jupyter lab --ServerApp.root_dir=notebooks --LabApp.default_url=/lab/tree/00-quickstart.ipynb \
		$(ROOT_ARG) $(PORT_ARG) $(LAB_ARGS)

test: | $(BIN)/pip ## set up what the tests need and run every check
	@MAKE="$(MAKE)" $(BIN)/python tools/run_checks.py --first setup $(CHECKS)

setup: $(DEV) $(PAGE) ## everything that the tests need, without running them
	@chromium="$$($(BIN)/python tools/find_chromium.py --install)" && echo "Chromium: $$chromium"

build: $(PAGE) ## the page, when its sources are newer

lint: $(DEV) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV) ## mypy, strict
	$(BIN)/mypy

page-check: $(NODE_MODULES) ## biome and tsc over js/
	@$(NPM) run --silent check

size: $(NODE_MODULES) ## the page's weight, minified, against its limit
	@$(NPM) run --silent size

vitest: $(NODE_MODULES) ## the page's tests without a browser
	@$(NPM) run --silent test -- --reporter=default --reporter=junit --outputFile.junit=../$(REPORTS)/$@.xml $(ARGS)

unit: $(DEV) $(PAGE) ## pytest, all but the browser tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal -m "not browser" --junitxml=$(REPORTS)/$@.xml $(ARGS)

browser: $(DEV) $(PAGE) ## pytest, the browser tests alone
	CHROMIUM="$$($(BIN)/python tools/find_chromium.py --install)" && export CHROMIUM && \
		$(BIN)/python -m pytest -m browser --junitxml=$(REPORTS)/$@.xml $(ARGS)

montage: $(DEV) ## all methods on both heads in one picture, in .cache/reports, quickly (docs/images has it in full)
	$(BIN)/python benchmarks/montage.py demo/vgg --budget 10 --out $(REPORTS)

matrix: $(DEV) $(PAGE) ## the browser tests of message routing, on ipykernel 6.31, 7.3 and 7.4 or later
	CHROMIUM="$$($(BIN)/python tools/find_chromium.py --install)" && export CHROMIUM && \
		$(BIN)/python tools/kernel_matrix.py $(ARGS)

format: $(DEV) $(NODE_MODULES) ## let ruff and biome rewrite the sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@$(NPM) run --silent format

bench: $(DEV) ## speed and memory against other libraries, an hour or two, to benchmarks/results/
	$(BIN)/python benchmarks/bench.py $(ARGS)

bench-quick: $(DEV) ## the same on two networks, in five minutes
	$(BIN)/python benchmarks/bench.py --quick $(ARGS)

bench-gpu: $(DEV) ## the same on a GPU
	$(BIN)/python benchmarks/bench.py --device cuda $(ARGS)

lessons: $(DEV) $(PAGE) ## all lessons in full: in a clean kernel, and in JupyterLab in Chromium
	CHROMIUM="$$($(BIN)/python tools/find_chromium.py --install)" && export CHROMIUM && \
		LESSON_BUDGET=1 $(BIN)/python -m pytest tests/test_lessons.py tests/browser/test_lessons.py $(ARGS)

pictures: $(DEV) $(PAGE) ## take the pictures of docs/images anew
	$(BIN)/python tools/screenshots.py

dist: $(DEV) $(PAGE) ## wheel and source distribution, in dist/
	$(BIN)/python -m build

clean: ## remove what was built, keep what was installed
	rm -rf saliency_widget/static dist .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

distclean: clean ## remove the environment and the page's tools too
	rm -rf $(VENV) js/node_modules

# --- how the made files are made ---------------------------------------------------------------

# pip is the last thing that venv puts there, so a half-made environment is made whole again.
$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "saliency-widget needs Python 3.10 or newer, and none is on the PATH (or set PYTHON=/path/to/python3)" >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV) || { echo "$(PYTHON) cannot make an environment (Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }

# The page comes first: a missing one would be built inside pip, out of sight.
$(LAB): pyproject.toml hatch_build.py | $(BIN)/pip $(PAGE)
	@echo "installing the package with JupyterLab (the first time downloads PyTorch, up to 5 GB)"
	@$(PIP) install --editable '.[lab]'
	@$(BIN)/python tools/check_torch.py
	@$(MAKE) --no-print-directory quiet-lab
	@touch $@

# [dev] holds [lab], so both are made.
$(DEV): pyproject.toml hatch_build.py | $(BIN)/pip $(PAGE)
	@echo "installing the package with everything that its tests need (the first time downloads PyTorch, up to 5 GB)"
	@$(PIP) install --editable '.[dev]'
	@$(BIN)/python tools/check_torch.py
	@$(MAKE) --no-print-directory quiet-lab
	@touch $(LAB) $@

# JupyterLab would open with a question about its news feed, and ask another host for it.
.PHONY: quiet-lab
quiet-lab:
	@test -f $(VENV)/etc/jupyter/labconfig/page_config.json || \
		$(BIN)/jupyter labextension disable --level=sys_prefix "@jupyterlab/apputils-extension:announcements" >/dev/null 2>&1 || \
		echo "could not switch off JupyterLab's news feed; it will ask" >&2

$(NODE_MODULES): js/package.json js/package-lock.json js/.npmrc
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null || { echo "saliency-widget needs Node.js 20 or newer with npm, to build its page; found: $$(node --version 2>/dev/null || echo none)" >&2; exit 1; }
	@echo "installing the page's tools"
	@$(NPM) ci
	@touch $@

$(PAGE): $(PAGE_SOURCES) $(NODE_MODULES)
	@echo "building the page"
	@$(NPM) run --silent build
