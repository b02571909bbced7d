# `make test` is the whole gate, what continuous integration runs; it stops at the first failure.
# It needs cargo with rustfmt and clippy, and Node.js with npm, for a live identity provider (tests/oidc), a subscriber of
# webhooks (tests/webhooks) and a validator of pages (tests/pages); the two tools it lacks it builds for itself, once. The
# longer runs also need LibreOffice Calc (Debian: libreoffice-calc-nogui).

SHELL := /bin/bash
.NOTPARALLEL:

TOOLS := target/tools
DENY_VERSION := 0.20.2
TYPOS_VERSION := 1.52.0
# An installed tool is used as it is.
DENY := $(or $(shell command -v cargo-deny 2>/dev/null),$(TOOLS)/bin/cargo-deny)
TYPOS := $(or $(shell command -v typos 2>/dev/null),$(TOOLS)/bin/typos)

.PHONY: test test-full bench demo format lints docs licences spelling node-packages tests

## test: format, lints, docs, licences, spelling, then every test on both stores
test: format lints docs licences spelling tests

## test-full: the same with the longer runs
test-full: export THROUGHLINE_TEST_FULL := 1
test-full: test

## bench: the measured figures, on both stores
bench:
	@tests/with-postgres cargo run --quiet --locked --profile deploy -- bench

## demo: the boards, a token and a server to ask
demo:
	@cargo run --locked --release -- demo

format:
	@echo '== format'
	@cargo fmt --all --check

lints:
	@echo '== lints'
	@cargo clippy --quiet --locked --workspace --all-targets -- -D warnings

docs:
	@echo '== docs'
	@RUSTDOCFLAGS='-D warnings' cargo doc --quiet --locked --workspace --no-deps --document-private-items

# The advisory database has to be fetched, so `cargo deny check advisories` is left to
# whoever can reach it; the gate itself must give the same answer offline and next year.
licences: $(DENY)
	@echo '== licences'
	@$(DENY) --locked --log-level error check --hide-inclusion-graph bans licenses sources

spelling: $(TYPOS)
	@echo '== spelling'
	@$(TYPOS) --format brief

## node-packages: what tests take from the npm registry, as the lock files say
node-packages: tests/pages/node_modules/.package-lock.json tests/oidc/node_modules/.package-lock.json \
	tests/webhooks/node_modules/.package-lock.json

tests/%/node_modules/.package-lock.json: tests/%/package-lock.json
	@echo '== node packages of tests/$*'
	@command -v node npm >/dev/null || { echo 'node and npm are missing: install Node.js 20.19 or later' >&2; exit 1; }
	@cd tests/$* && npm ci --ignore-scripts --no-audit --no-fund --silent

tests: node-packages
	@echo '== tests'
	@tests/with-postgres cargo test --quiet --locked --workspace

# Unoptimised: they build in about a minute and run for a second.
$(TOOLS)/bin/cargo-deny:
	$(call install,cargo-deny,$(DENY_VERSION))

$(TOOLS)/bin/typos:
	$(call install,typos-cli,$(TYPOS_VERSION))

define install
@echo '== building $(1) $(2) into $(TOOLS), once: a minute or two'
@CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root $(TOOLS) \
	--target-dir $(TOOLS)/build $(1) --version $(2) || \
	{ echo 'cannot build $(1): install it yourself (cargo install --locked $(1)) and run make again' >&2; exit 1; }
@rm -rf $(TOOLS)/build
endef
