# Entry points for development. Each target runs cargo, a language's own tool, or a script in scripts/.
#
# test, test-deep, lint, fmt and examples run scripts/TARGET-LANGUAGE.sh for every language that has one, in the order
# of scripts/each-language.sh; `make test-rust` runs one of them alone.

.DEFAULT_GOAL := help
# `make setup lint test` runs in that order, also with -j.
.NOTPARALLEL:
.PHONY: help demo setup build test test-deep chaos interop lint fmt bench examples docs install install-c audit release-dry-run clean

PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= lib
AMOP_FEATURES ?=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 22
	@echo "  make TARGET-LANGUAGE  one part alone, such as test-rust; the languages: $$(scripts/each-language.sh --list)"

demo: ## show messages between two publishers and a subscriber on two embedded nodes (needs Rust and a C compiler)
	cargo run --locked --package amop-cli --bin amop -- demo

setup: ## install what the tests need besides Rust, or print the command to run
	scripts/setup.sh

build: ## build the command, optimised: target/release/amop
	cargo build --release --locked --package amop-cli

test: ## run all tests
	scripts/each-language.sh test

test-deep: ## run longer tests: fuzzing, many more random cases, other builds of the C library
	scripts/each-language.sh test-deep

chaos: ## run random faults on four nodes and eight clients: SEED (any) for DURATION seconds (60)
	scripts/chaos.sh "$(SEED)" "$(DURATION)"

interop: ## test this client with the official SDKs for Go and Java, on embedded nodes
	scripts/interop.sh go java --idle
	scripts/interop.sh go java --like-2.11
	scripts/interop.sh java --rsa
	scripts/interop.sh java --gm
	scripts/interop.sh java3 --idle
	scripts/interop.sh java3 --sm
	scripts/interop.sh java3 --plain

lint: ## check format, lints, documentation and dependencies; any warning fails
	scripts/each-language.sh lint

fmt: ## format all code
	scripts/each-language.sh fmt

docs: ## build the documentation site as build/site, with the references of all languages
	scripts/docs.sh

bench: ## measure the cost of the client and of moving the same bytes without it (two minutes)
	scripts/bench.sh

examples: ## build the compiled examples as build/examples/LANGUAGE/NAME
	scripts/each-language.sh examples

install: ## install into PREFIX (/usr/local), below DESTDIR if it is given
	PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" DESTDIR="$(DESTDIR)" scripts/install.sh

install-c: ## install the C library alone, without embedded nodes; LIBDIR (lib) is the folder of the libraries
	PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" DESTDIR="$(DESTDIR)" AMOP_FEATURES="$(AMOP_FEATURES)" scripts/install-c.sh

audit: ## check licences, sources and known vulnerabilities of all dependencies (builds its tools for minutes)
	scripts/audit.sh

release-dry-run: ## build all pieces of VERSION into build/release and try each in a clean place (40 minutes; as root)
	scripts/release.sh "$(VERSION)" $(PARTS)

clean: ## remove all build output, and .venv
	scripts/clean.sh

# One language's part of a target.
test-deep-% test-% lint-% fmt-% examples-%:
	scripts/$@.sh
