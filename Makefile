# The doors of this repository. What happens behind them lives in cargo, in each language's own tools, and in scripts/.
#
# test, test-deep, lint, fmt and examples run scripts/DOOR-LANGUAGE.sh of every language that has one, in the order
# that scripts/each-language.sh gives; `make test-rust` runs one of them alone.

.DEFAULT_GOAL := help
# `make setup lint test` goes in that order, with -j too.
.NOTPARALLEL:
.PHONY: help demo setup build test test-deep chaos interop lint fmt bench examples install deny clean

PREFIX ?= /usr/local
DESTDIR ?=

help: ## these lines
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 22
	@echo "  make DOOR-LANGUAGE  one part alone, say test-rust; the languages: $$(scripts/each-language.sh --list)"

demo: ## see it work: two embedded nodes, a subscriber, two publishers; needs Rust and a C compiler
	cargo run --locked --package amop-cli --bin amop -- demo

setup: ## install what the tests need beyond Rust, or say what to install
	scripts/setup.sh

build: ## the command, optimised: target/release/amop
	cargo build --release --locked --package amop-cli

test: ## all tests
	scripts/each-language.sh test

test-deep: ## what takes longer: fuzzing, many more random cases, other builds of the C library
	scripts/each-language.sh test-deep

chaos: ## random faults over four nodes and eight clients: SEED (any) for DURATION seconds (60)
	scripts/chaos.sh "$(SEED)" "$(DURATION)"

interop: ## the official SDKs for Go and Java and this client with each other, over embedded nodes
	scripts/interop.sh go java --idle
	scripts/interop.sh go java --like-2.11

lint: ## format, lints, documentation, dependencies; any warning fails
	scripts/each-language.sh lint

fmt: ## format all code
	scripts/each-language.sh fmt

bench: ## what the client costs, beside a floor of raw bytes: two minutes
	scripts/bench.sh

examples: ## each compiled example as build/examples/LANGUAGE/NAME
	scripts/each-language.sh examples

install: ## install into PREFIX (/usr/local), below DESTDIR if given
	PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" scripts/install.sh

deny: ## licences and sources of all dependencies (needs cargo-deny: builds for minutes)
	cargo deny --locked --workspace check licenses bans sources

clean: ## remove what was built, and .venv
	cargo clean
	rm -rf build fuzz/target fuzz/corpus fuzz/artifacts .venv

# One language's part of a door.
test-deep-% test-% lint-% fmt-% examples-%:
	scripts/$@.sh
