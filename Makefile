# Each target sets up all that it needs; Python 3.11 or later, git and make are enough to begin.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ROOTS := build/extra-roots.pem
TOOLS := build/release-tools
# Where the network inspects TLS, image builds must trust its root too; elsewhere the file is empty.
WITH_ROOTS = if [ -s $(ROOTS) ]; then export BOT_BOTTLE_BUILD_CA="$${BOT_BOTTLE_BUILD_CA:-$(CURDIR)/$(ROOTS)}"; fi;

# Most tests wait for processes, not for a core; those of one file share its boxes, so they stay together.
WORKERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help demo pictures plots recording reference man test fuzz mutants faults lint types check format bench release audit lock pins corpora \
	guest clean base-images

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(INSTALLED): pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(TOOLS)/.installed: requirements/release.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --require-hashes --requirement requirements/release.txt
	@touch $@

$(ROOTS): .ci/extra-roots
	@mkdir -p $(@D)
	@$(PYTHON) .ci/extra-roots > $@

# Images are an engine's; without one there is nothing to do.
base-images: $(ROOTS)
	@if docker version >/dev/null 2>&1; then .ci/base-images --if-missing; fi

demo: $(INSTALLED) base-images  ## a real agent in a real bottle, each promise shown in a line
	@$(WITH_ROOTS) $(BIN)/python scripts/demo.py $(if $(BACKEND),--backend $(BACKEND))

pictures: $(INSTALLED)  ## the pictures of the documentation, drawn by the dashboard itself
	$(BIN)/python scripts/screenshots.py

plots: $(INSTALLED) base-images  ## the curves of docs/figures.md, measured anew; wants a quiet machine
	@$(WITH_ROOTS) $(BIN)/python -m benchmarks.start_steps --plot docs/pictures/start-steps.svg
	@$(WITH_ROOTS) $(BIN)/python -m benchmarks.many --plot docs/pictures/many.svg

recording: $(INSTALLED) base-images  ## the demo as a moving picture for the README
	@$(WITH_ROOTS) PYTHONPATH=. $(BIN)/python scripts/recording.py $(if $(BACKEND),--backend $(BACKEND))

reference: $(INSTALLED)  ## the tables of docs/manifest.md, from what the loader knows
	@PYTHONPATH=src $(BIN)/python scripts/manifest_reference.py

man: $(INSTALLED)  ## the manual page, from the program's help
	@PYTHONPATH=src $(BIN)/python scripts/manual.py

test: $(INSTALLED) base-images  ## the whole suite; what this machine lacks is skipped with a line
	@$(WITH_ROOTS) $(BIN)/python -m pytest $(if $(TESTS),$(TESTS),--numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder)

FUZZ ?= 20000
fuzz: $(INSTALLED)  ## parsers and rules with inputs that nobody tried: FUZZ=20000 each
	BOTTLE_FUZZ=$(FUZZ) $(BIN)/python -m pytest -p no:xdist -p no:cacheprovider --timeout 0 \
	    tests/egress/test_fuzz.py tests/egress/test_wire.py tests/egress/test_frames.py tests/domain

mutants: $(INSTALLED)  ## changes in the code that judges, and whether tests notice: a sample; MUTANTS=all or modules (dlp.engine)
	nice -n 19 $(BIN)/python -m scripts.mutants $(if $(filter all,$(MUTANTS)),--all,$(MUTANTS))

FAULTS ?= 30
faults: $(INSTALLED) base-images  ## launchers and parts killed at any moment, on both backends: FAULTS=30 each; build/faults.md
	@mkdir -p build
	BOTTLE_FAULTS=$(FAULTS) BOTTLE_FAULTS_REPORT=build/faults.md $(BIN)/python -m pytest -p no:xdist --timeout 0 \
	    tests/faults tests/gitgate/test_cut_pushes.py
	@cat build/faults.md

GUEST_KERNEL := build/guest/vmlinuz
$(GUEST_KERNEL):
	@mkdir -p $(@D)
	@cd $(@D) && apt-get download -q "$$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -n 1)"
	@cd $(@D) && dpkg-deb --fsys-tarfile linux-image-*.deb | tar -x --wildcards --strip-components=2 './boot/vmlinuz*'
	@mv $(@D)/vmlinuz-* $@

guest: $(INSTALLED) base-images $(GUEST_KERNEL)  ## what runs in a virtual machine, in a real one (Debian; qemu-system-x86, cpio, e2fsprogs)
	@$(WITH_ROOTS) BOTTLE_GUEST_KERNEL=$(CURDIR)/$(GUEST_KERNEL) $(BIN)/python -m pytest -p no:xdist tests/guest

lint: $(INSTALLED)  ## ruff and the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(INSTALLED)  ## mypy --strict
	$(BIN)/mypy

check: lint types test  ## all of the above

format: $(INSTALLED)  ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) base-images  ## the benchmarks, as ratios
	$(BIN)/python benchmarks/cli.py
	@$(WITH_ROOTS) $(BIN)/python -m benchmarks.start
	$(BIN)/python benchmarks/egress/run.py
	$(BIN)/python -m benchmarks.gitgate.push
	@$(WITH_ROOTS) $(BIN)/python -m benchmarks.many
	$(BIN)/python -m benchmarks.workspace

release: $(INSTALLED) $(TOOLS)/.installed  ## wheel, source archive, bill of materials and checksums, tried out: dist/
	@$(BIN)/python scripts/release.py

audit: $(TOOLS)/.installed  ## known vulnerabilities in all that is pinned; asks PyPI; UNANSWERED=tell where it may not answer
	@$(PYTHON) scripts/audit.py $(if $(UNANSWERED),--$(UNANSWERED))

lock: $(INSTALLED)  ## what pyproject.toml asks for and requirements/ lack; raises nothing
	$(BIN)/python scripts/pins.py --keep

pins: $(INSTALLED)  ## newest releases of all that is pinned by hash; read the difference
	$(BIN)/python scripts/pins.py

corpora: $(INSTALLED)  ## the way out against corpora of attacks and benign traffic: CORPORA=DIR
	$(BIN)/python benchmarks/egress/corpora.py $(CORPORA) --wrong

clean:  ## remove what the targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
