# People and CI run the same commands. All that they need is Python 3.11 and make; `make image`, Docker;
# the checks of JavaScript, Node.js 18.18 or later with npm.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH_BACKEND ?= cpu
export PYTHON TORCH_BACKEND
BIN := .venv/bin
SUPPLY := .venv-supply/bin

# What is installed: to serve, and to develop.
SERVE := .venv/serve-$(TORCH_BACKEND)
DEV := .venv/dev-$(TORCH_BACKEND)

.PHONY: serve test coverage fuzz mutate check javascript vendor format image lock sbom licences audit clean

serve: $(SERVE)  ## Install and serve the shipped model, or MODEL=DIRECTORY
	@$(BIN)/conveyor serve $(if $(MODEL),--model '$(MODEL)')

PYTEST := $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder

test: $(DEV)  ## Install and run all tests
	$(PYTEST)

# Apart, as a traced program takes nearly twice the time.
coverage: $(DEV)  ## All tests, and which code they reach
	$(BIN)/coverage erase
	$(PYTEST) --cov --cov-report=term

SECONDS := 180

fuzz: $(DEV)  ## The properties on new examples, again and again, for so many SECONDS
	@end=$$(($$(date +%s) + $(SECONDS))); while [ $$(date +%s) -lt $$end ]; do \
		$(PYTEST) --quiet --exitfirst -m hypothesis --hypothesis-profile fuzz || exit 1; \
	done

MUTANTS :=

# Forked processes have no threads of those that were there before; so nothing may start any.
mutate: $(DEV)  ## Change the code in thousands of places, or MUTANTS='conveyor.model.network.pooling*'; does a test notice?
	@deploy/install.sh dev,mutate
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/mutmut run $(MUTANTS)
	$(BIN)/mutmut results

check: $(DEV) javascript  ## Linters and types
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

format: $(DEV)  ## Let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

image:  ## Build conveyor:0.1.0; TORCH_INDEX is an index of CPU builds of torch, if pip has none set
	$(if $(TORCH_INDEX),,$(PYTHON) -m pip download --quiet --no-deps --dest wheels torch==2.13.0)
	docker build --tag conveyor:0.1.0 --build-arg TORCH_INDEX=$(TORCH_INDEX) \
		--build-arg REVISION=$$(git rev-parse HEAD) .

COMPILE = UV_CUSTOM_COMPILE_COMMAND='make lock' $(SUPPLY)/uv pip compile --quiet --upgrade --python-version 3.11 \
	--torch-backend cpu --generate-hashes --no-annotate

lock: .venv-supply/made  ## Lock what the image is made of, and what makes it; torch is pinned in the Dockerfile
	$(COMPILE) --no-emit-package torch --output-file deploy/requirements.lock pyproject.toml
	$(COMPILE) --output-file deploy/build.lock deploy/build.in

sbom: .venv-supply/made  ## sbom.json: what the image is made of, as CycloneDX
	(cat deploy/requirements.lock; echo torch==2.13.0) | $(SUPPLY)/cyclonedx-py requirements - \
		--pyproject pyproject.toml --output-reproducible --output-file sbom.json

# Each copied file names its package, version and licence in its second line.
VENDORED = awk 'FNR == 2 { gsub(",", ""); printf "| %-19s | %-10s | %-99s |\n", $$2, $$3, $$5 }' \
	service/inspector/vendor/*/*.js | sort -u

licences: $(DEV) .venv-supply/made  ## deploy/licences.md: the licences of what the image is made of
	$(SUPPLY)/pip-licenses --python $(BIN)/python --with-system --format markdown --output-file deploy/licences.md \
		--packages torch $$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' deploy/requirements.lock)
	$(VENDORED) >> deploy/licences.md

audit: .venv-supply/made  ## Known vulnerabilities in what the image is made of; asks a public service
	$(SUPPLY)/pip-audit --disable-pip --require-hashes --requirement deploy/requirements.lock

clean:  ## Remove what the other targets made
	rm -rf .venv .venv-supply node_modules sbom.json wheels/*.whl .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache mutants .coverage*

# What `conveyor train` needs too: whoever has tried the shipped model trains an own one next.
$(SERVE): pyproject.toml
	@deploy/install.sh train
	@touch $@

$(DEV): pyproject.toml
	@deploy/install.sh dev
	@touch $@ $(SERVE)

node_modules/made: package.json package-lock.json .npmrc
	npm ci --silent
	@touch $@

.venv-supply/made:
	$(PYTHON) -m venv .venv-supply
	$(SUPPLY)/pip install --quiet 'cyclonedx-bom>=7.5,<8' 'pip-audit>=2.10,<3' 'pip-licenses>=5.5,<6' 'uv>=0.13,<0.14'
	@touch $@
