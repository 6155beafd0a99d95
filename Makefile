# Every target does its own set-up first and says what it installs; a second run starts at once.
# ARGS goes to the program behind the target: make demo ARGS='--lang zh', make test ARGS='ipam codec'.

export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.NOTPARALLEL:
.PHONY: help setup demo test check bench build clean distclean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what Pontoon needs to run: then ./bin/pontoon works
	@scripts/setup.sh run
	@echo 'setup: ready, try: ./bin/pontoon --help'

demo: ## Show containers, their networks and why packets arrive, on the real kernel (root)
	@scripts/setup.sh run
	@bin/pontoon demo $(ARGS)

test: ## Run every test: the pure ones, then those that meet the kernel, in private worlds (root)
	@scripts/setup.sh test
	@node scripts/test.ts $(ARGS)

check: ## Check types, format and lint, the layers, and the repository
	@scripts/setup.sh node
	@node scripts/check.ts $(ARGS)

bench: ## Measure Pontoon beside its peers (root; installs the peers)
	@scripts/setup.sh bench
	@node bench/main.ts $(ARGS)

build: ## Compile what the npm package holds into dist
	@scripts/setup.sh node
	@tsc --project tsconfig.build.json

clean: ## Remove what the other targets made, except the npm packages
	@rm -rf dist coverage .cache

distclean: clean ## Remove the npm packages too; system packages stay
	@rm -rf node_modules
