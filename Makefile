# People and CI run the same commands. All that they need is Python 3.11 and make; `make image`, Docker;
# the checks of JavaScript, Node.js 18.18 or later with npm.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SUPPLY := .venv-supply/bin

.PHONY: serve test coverage fuzz mutate check javascript vendor format image lock sbom licences audit clean

serve: .venv/serve  ## Install and serve the shipped model
	@$(BIN)/conveyor serve

PYTEST := $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder

test: .venv/dev  ## Install and run all tests
	$(PYTEST)

# Apart, as a traced program takes nearly twice the time.
coverage: .venv/dev  ## All tests, and which code they reach
	$(BIN)/coverage erase
	$(PYTEST) --cov --cov-report=term

SECONDS := 180

fuzz: .venv/dev  ## The properties on new examples, again and again, for so many SECONDS
	@end=$$(($$(date +%s) + $(SECONDS))); while [ $$(date +%s) -lt $$end ]; do \
		$(PYTEST) --quiet --exitfirst -m hypothesis --hypothesis-profile fuzz || exit 1; \
	done

MUTANTS :=

# Forked processes have no threads of those that were there before; so nothing may start any.
mutate: .venv/dev  ## Change the code in thousands of places, or MUTANTS='conveyor.model.network.pooling*'; does a test notice?
	$(BIN)/pip install --quiet --editable '.[dev,mutate]'
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/mutmut run $(MUTANTS)
	$(BIN)/mutmut results

check: .venv/dev javascript  ## Linters and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy bench
	$(BIN)/lint-imports

# Without npm skipped, but not in CI.
javascript: $(if $(shell command -v npm),node_modules/made)  ## Types, linter and copied libraries of the inspector
	@if command -v npm > /dev/null; then npm run --silent check; \
	elif [ "$$CI" = true ]; then echo "The checks of JavaScript need npm, and CI does not skip them." >&2; exit 1; \
	else echo "Skipped the checks of JavaScript: there is no npm. It comes with Node.js 18.18 or later."; fi

vendor: node_modules/made  ## Copy what the inspector uses of d3, at package.json's versions, with its licences
	npm run --silent vendor

format: .venv/dev  ## Let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

image:  ## Build conveyor:0.1.0; TORCH_INDEX is an index of CPU builds of torch, if pip has none set
	$(if $(TORCH_INDEX),,$(PYTHON) -m pip download --quiet --no-deps --dest wheels torch==2.13.0)
	docker build --tag conveyor:0.1.0 --build-arg TORCH_INDEX=$(TORCH_INDEX) \
		--build-arg REVISION=$$(git rev-parse HEAD) .

lock: .venv-supply/made  ## Lock what the image is made of; pip has to find CPU builds of torch
	$(SUPPLY)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --no-annotate --no-header \
		--no-emit-options --unsafe-package torch --output-file deploy/requirements.lock pyproject.toml
	$(SUPPLY)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --no-annotate --no-header \
		--no-emit-options --only-build-deps --build-deps-for wheel --output-file deploy/build.lock pyproject.toml

sbom: .venv-supply/made  ## sbom.json: what the image is made of, as CycloneDX
	(cat deploy/requirements.lock; echo torch==2.13.0) | $(SUPPLY)/cyclonedx-py requirements - \
		--pyproject pyproject.toml --output-reproducible --output-file sbom.json

# Each copied file names its package, version and licence in its second line.
VENDORED = awk 'FNR == 2 { gsub(",", ""); printf "| %-19s | %-10s | %-99s |\n", $$2, $$3, $$5 }' \
	service/inspector/vendor/*/*.js | sort -u

licences: .venv/dev .venv-supply/made  ## deploy/licences.md: the licences of what the image is made of
	$(SUPPLY)/pip-licenses --python $(BIN)/python --with-system --format markdown --output-file deploy/licences.md \
		--packages torch $$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' deploy/requirements.lock)
	$(VENDORED) >> deploy/licences.md

audit: .venv-supply/made  ## Known vulnerabilities in what the image is made of; asks a public service
	$(SUPPLY)/pip-audit --disable-pip --require-hashes --requirement deploy/requirements.lock

clean:  ## Remove what the other targets made
	rm -rf .venv .venv-supply node_modules sbom.json wheels/*.whl .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache mutants .coverage*

.venv/serve: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/dev: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ .venv/serve

node_modules/made: package.json package-lock.json .npmrc
	npm ci --silent
	@touch $@

.venv-supply/made:
	$(PYTHON) -m venv .venv-supply
	$(SUPPLY)/pip install --quiet 'cyclonedx-bom>=7.5,<8' 'pip-audit>=2.10,<3' 'pip-licenses>=5.5,<6' 'pip-tools>=7.6,<8'
	@touch $@
