# People and CI run the same commands. All that they need is Python 3.11 and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: serve test check format clean

serve: .venv/serve  ## Install and serve the shipped model
	@$(BIN)/conveyor serve

test: .venv/dev  ## Install and run all tests
	$(BIN)/coverage erase
	$(BIN)/pytest --cov --cov-report=term

check: .venv/dev  ## Linters and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy bench
	$(BIN)/lint-imports

format: .venv/dev  ## Let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:  ## Remove what the other targets made
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage*

.venv/serve: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/dev: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ .venv/serve
