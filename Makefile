# The verbs. Each sets up what it needs; `make demo` and `make test` work on a fresh machine with
# rustup and a C linker.

CARGO ?= cargo
PROGRAM := target/release/upgrade-gate

.PHONY: help demo build policies test e2e e2e-kubewarden image lint bench bench-server fuzz docs deploy artifacthub setup clean

help: ## Say what there is
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## /  make \1\t/'

setup: ## Add the Wasm target to the toolchain that rust-toolchain.toml names
	@rustup target list --installed | grep -qx wasm32-unknown-unknown || rustup target add wasm32-unknown-unknown

build: setup ## Build the program, with the policies embedded
	$(CARGO) build --release --locked

# The example is blocked, so exit code 1 is the right answer, and any other a failure.
demo: build ## Check the upgrade of the example must-gather, and see that it is blocked
	@echo '$$ upgrade-gate check examples/must-gather --to 1.7.0'; echo
	@$(PROGRAM) check examples/must-gather --to 1.7.0; code=$$?; echo; echo "exit code $$code (1 means: blocked)"; test $$code -eq 1

policies: build ## Say where the annotated Wasm modules are
	@ls -lt target/release/build/upgrade-gate-bundle-*/out/*.wasm | head -n $$(ls policies | wc -l)

deploy: build ## Write deploy/kubewarden anew, from the policies' metadata
	@for policy in $$(ls policies); do $(PROGRAM) policies manifests $$policy > deploy/kubewarden/$$policy.yaml || exit 1; done

artifacthub: setup ## Write the packages of Artifact Hub into target/artifacthub, and the one in the root
	rm -rf target/artifacthub
	$(CARGO) run --quiet --locked -p upgrade-gate-artifacthub -- target/artifacthub
	cp target/artifacthub/integrated-nmo/*/artifacthub-pkg.yml artifacthub-pkg.yml

test: setup ## Run every test
	$(CARGO) test --workspace --locked

# Built once, of the releases that the module files name.
API_SERVER := target/cluster/kube-apiserver target/cluster/kubectl target/cluster/etcd

target/cluster/%:
	@go version 2>/dev/null | grep -qE 'go1\.(2[6-9]|[3-9][0-9])' || { echo 'make e2e needs Go 1.26 or later on PATH, to build an API server: https://go.dev/dl' >&2; exit 1; }
	@mkdir -p target/cluster
	@echo "building $@: some minutes, once"
	@case $* in \
		etcd) cd tests/cluster/etcd && go build -trimpath -o ../../../$@ go.etcd.io/etcd/server/v3;; \
		*) cd tests/cluster/kubernetes && go build -trimpath -o ../../../$@ k8s.io/kubernetes/cmd/$*;; \
	esac

e2e: setup $(API_SERVER) e2e-programs ## Run the gate on a real API server, with kubectl, through its faults
	$(CARGO) test --locked --test cluster -- --nocapture

.PHONY: e2e-programs
e2e-programs:
	@for program in setpriv curl openssl; do command -v $$program >/dev/null || { echo "make e2e needs $$program on PATH" >&2; exit 1; }; done

e2e-kubewarden: setup ## Compare every case with the real kwctl and policy-server, where they are on PATH
	@for program in kwctl policy-server; do command -v $$program >/dev/null || { echo "make e2e-kubewarden needs $$program on PATH: see CONTRIBUTING.md" >&2; exit 1; }; done
	$(CARGO) test --locked --test e2e -- --nocapture

image: ## Build the image of deploy/server, with podman or docker
	@builder=$$(command -v podman || command -v docker) || { echo 'make image needs podman or docker on PATH' >&2; exit 1; }; \
	$$builder build --file Containerfile --tag ghcr.io/upgrade-gate/upgrade-gate:v$$(sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1) .

lint: setup ## Check formatting, lints, documentation and the builds for a browser
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy --test cluster --test e2e --bench server --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) check --locked -p upgrade-gate-core -p upgrade-gate-snapshot --target wasm32-unknown-unknown
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny --locked check licenses bans sources; else echo 'cargo-deny is not installed: licenses and sources are not checked'; fi

bench: setup ## Measure; docs/performance.md has what was seen
	$(CARGO) bench --locked

bench-server: setup ## Measure the server under load, with wrk
	@command -v wrk >/dev/null || { apt-get update && apt-get install --yes wrk; } || { echo 'make bench-server needs wrk on PATH' >&2; exit 1; }
	$(CARGO) bench --locked --bench server

FUZZ_SECONDS ?= 60

fuzz: ## Try made-up input on every reader, FUZZ_SECONDS=60 for each
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	$(CARGO) fuzz build --sanitizer none
	@for target in json yaml layouts archives damage response; do \
		mkdir -p fuzz/found/$$target; case $$target in layouts | yaml) words=yaml;; *) words=json;; esac; \
		$(CARGO) fuzz run --sanitizer none $$target fuzz/found/$$target fuzz/corpus/$$target -- -dict=fuzz/$$words.dict \
			-max_len=4096 -timeout=30 -rss_limit_mb=1024 -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

docs: setup ## Build the API documentation into target/doc
	$(CARGO) doc --workspace --no-deps --locked

clean: ## Remove everything that was built
	$(CARGO) clean
