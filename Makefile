# Every target sets up its own environment in .venv; nothing needs to be installed first but Python 3.10 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_DIR ?= demo

.PHONY: help demo docs test test-slow lint bench clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/main.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[sfm]"
	touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,sfm,sky,video,geo,view,spacevista,megadepth,readers,docs]"
	touch $(VENV)/main.stamp $@

demo: $(VENV)/main.stamp  ## Make triplets from the shipped sample: with its own geometry, then from its photos alone
	$(BIN)/python -m warpdata.materialize --input-dir samples --output-dir $(DEMO_DIR)/given
	$(BIN)/python samples/copy_photos.py $(DEMO_DIR)/photos
	$(BIN)/python -m warpdata.materialize --input-dir $(DEMO_DIR)/photos --output-dir $(DEMO_DIR)/sfm --geometry sfm
	@echo "Look at $(DEMO_DIR)/given and $(DEMO_DIR)/sfm."

docs: $(VENV)/dev.stamp  ## Build the documentation as a site in build/site; a link that leads nowhere fails
	DISABLE_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet
	@echo "Open build/site/index.html."

test: $(VENV)/dev.stamp  ## Run the tests, on all cores
	$(BIN)/python -m pytest -q -n auto --maxprocesses 8

test-slow: $(VENV)/dev.stamp  ## Run the tests that take minutes: networks of full size, runs killed again and again
	$(BIN)/python -m pytest -q --slow -m slow

lint: $(VENV)/dev.stamp  ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(VENV)/dev.stamp  ## Measure the renderer
	$(BIN)/python -m benchmarks.render

clean:  ## Remove the environment and the demo's output
	rm -rf $(VENV) $(DEMO_DIR)
