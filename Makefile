# Every target sets up what it needs. `make` alone lists them. PYTHON=/path/to/python chooses the interpreter.

SHELL := /bin/sh
PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet
CHECKED := src tests $(sort $(dir $(wildcard benchmarks/*.py campaigns/*.py examples/*.py)))

# An environment that cannot import this tree's package (no longer its Python, or the folder was moved) is made anew.
IMPORTS := import indelible, os, sys; sys.exit(not os.path.samefile(indelible.__path__[0], "src/indelible"))
REBUILD := $(shell .venv/bin/python -c '$(IMPORTS)' 2>/dev/null || echo rebuild)

.PHONY: help demo demo-check test matrix lint format bench campaign catalogue openapi messages lock clean rebuild

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

.venv/.stamp: requirements.lock pyproject.toml tools/find-python $(REBUILD)
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) || exit 1; \
	echo "Setting up .venv with $$python"; \
	"$$python" -m venv $(if $(REBUILD),--clear) .venv
	@$(PIP) install --require-hashes --no-deps -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(PIP) check || { echo "requirements.lock does not fit pyproject.toml: run make lock" >&2; exit 1; }
	@touch $@

demo: .venv/.stamp ## fill a clinic with a year of life in .demo and serve its pages on a free port
	@exec .venv/bin/indelible demo --folder .demo --serve

demo-check: .venv/.stamp ## start the demo, sign in, fetch the page, stop
	.venv/bin/python tools/demo_check.py

test: .venv/.stamp ## run every test that can run here, then say what was not run and why
	tools/get-chromium
	tools/get-unpackers
	tools/get-postgres
	tools/get-node
	tools/get-php
	tools/get-proxies
	.venv/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

matrix: .venv/.stamp ## the fast tests with the lowest and the newest versions, on each Python and PostgreSQL (ARGS="--only 3.12")
	.venv/bin/python tools/matrix.py $(ARGS)

lint: .venv/.stamp ## ruff, mypy --strict, and the layers
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy $(CHECKED)
	.venv/bin/lint-imports

format: .venv/.stamp ## lay the code out as lint wants it
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/.stamp ## measure speed against a bare baseline in the same run
	.venv/bin/python -m benchmarks $(ARGS)

campaign: .venv/.stamp ## the long checks that are too slow for make test
	.venv/bin/python -m campaigns $(ARGS)

catalogue: .venv/.stamp ## write docs/actions.md from the catalogue
	.venv/bin/python -m indelible.catalogue.reference

openapi: .venv/.stamp ## write docs/spec/openapi.json from the operations
	.venv/bin/python tools/openapi.py

messages: .venv/.stamp ## bring the pages' other languages up to date with what they say; lists what is not translated
	.venv/bin/python tools/messages.py

# uv resolves for every platform and Python at once, which pip does not; it is needed for this alone.
# The locks of deploy/ are parts of the first one: what the image runs with, and what it is built with.
lock: ## write requirements.lock from pyproject.toml (ARGS=--upgrade for newest versions)
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) && folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	"$$python" -m venv "$$folder" && "$$folder/bin/python" -m pip --disable-pip-version-check --quiet install uv && \
	"$$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --extra cli --extra client --extra postgres --extra service --extra sqlalchemy --group build --group dev \
		$(ARGS) --output-file requirements.lock pyproject.toml >/dev/null && \
	for lock in "requirements.lock --extra cli --extra postgres --extra service pyproject.toml" "build.lock --group build"; do \
		"$$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" --no-annotate -c requirements.lock --output-file deploy/$$lock >/dev/null || exit 1; \
	done

clean: ## remove .venv, the demo and the caches
	rm -rf .venv .demo .matrix .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
