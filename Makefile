# Each recipe is one check that CI runs too; `make ci` runs them all, as .ci/run does. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# In the order of CI: the cheap ones first. Not named CI: make would hand its own value on to the scripts, which ask whether CI is true.
CHECKS := fmt sizes purity shellcheck deny clippy features doc test guard msrv interop clients fuzz-smoke
.PHONY: help ci ci-list guard-renew $(CHECKS)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

fmt: ## the code is formatted (cargo fmt mends it)
	cargo fmt --all -- --check
	cargo fmt --manifest-path fuzz/Cargo.toml -- --check
	cargo fmt --manifest-path bench/Cargo.toml -- --check
	cargo fmt --manifest-path crates/misbehave/drivers/rust/Cargo.toml -- --check

sizes: ## no Rust file over 500 lines of code; those over 250 are listed
	@scripts/sizes.sh

purity: ## crates/proto has no I/O, clock, thread or logger in it
	@scripts/purity.sh

shellcheck: ## the shell scripts are sound
	shellcheck .ci/* scripts/*.sh interop/{run,*.sh} interop/clients/{run,packages,*.sh} crates/misbehave/drivers/*.sh

deny: ## the dependencies' licences, sources and bans (cargo-deny)
	cargo deny check licenses bans sources

clippy: ## no warnings, all targets, all features
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo clippy --manifest-path fuzz/Cargo.toml --all-targets --locked -- -D warnings

features: ## every set of each library crate's features builds alone
	@scripts/features.sh

# The library `tenure` and the command `tenure` would write to the same folder, so they are documented in turn.
doc: ## the documentation builds without warnings, private items too
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --all-features -p tenure-cli
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --all-features --workspace --exclude tenure-cli

test: ## all tests; they need nothing but cargo
	cargo test --workspace --locked --no-fail-fast

# Without the peers, so that little is built; and never incrementally, which makes other code.
# `make guard-renew` takes the figures as they are from now on.
LADDER := --release --locked --manifest-path bench/Cargo.toml --no-default-features
GUARD := CARGO_INCREMENTAL=0 cargo run $(LADDER) -- guard
guard: ## what a request costs (instructions, allocations, system calls) has not grown: bench/guard.json; the ladder's own tests but those that need its peers
	CARGO_INCREMENTAL=0 cargo test --quiet $(LADDER)
	$(GUARD)

guard-renew:
	$(GUARD) --renew

msrv: ## the stated rust-version, as far as the toolchains here can prove it
	@scripts/msrv.sh

interop: ## against curl, wget, Python, Node, nginx and Apache httpd; says what is skipped
	@interop/run

# The browsers are left to those who run it by hand: they are half a gigabyte.
clients: ## curl, wget, ab, wrk, Java, Python, Node and Go use their connections again, by the server's own log
	@interop/clients/run curl pipelined wget ab wrk java python node go

fuzz-smoke: ## each fuzz target for a few seconds (cargo-fuzz)
	@scripts/fuzz-smoke.sh

ci: ## all of the above
	@bash .ci/run

ci-list:
	@echo $(CHECKS)
