# hotdrop: everything a newcomer and a reviewer run. Needs Go, make and git; `make help` lists the targets.

SHELL         := /bin/bash
.SHELLFLAGS   := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS     += --no-builtin-rules
.NOTPARALLEL:

VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
BINARY    := bin/hotdrop
LINT      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
LINT_AT   := 2.15.0
VULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
# The race detector makes the pure-Go SQLite some thirty times slower, so `make race` leaves out what is bound by it.
RACE      := ./core ./core/jobs ./core/campaignfile ./core/postgres ./api/... ./rules/... ./plugins/...

.PHONY: help
help: ## show this help
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/hotdrop, a static binary
	@mkdir -p $(dir $(BINARY))
	CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$(VERSION)" -o $(BINARY) ./cmd/hotdrop

.PHONY: run
run: build ## build and start a demo on http://127.0.0.1:8080 (data in ./data)
	@exec $(BINARY) serve --demo

.PHONY: test
test: ## run every test; HOTDROP_REQUIRE=postgres,clang,rust,assemblyscript,tmpfs turns skips into failures
	go test ./...

.PHONY: long
long: ## run the long form of the tests that have one: 1,000 swaps of plugins under load, the sales in full size
	HOTDROP_LONG=1 go test -count 1 -v -run 'TestSwappingPlugins|TestGuestsThatTrap' ./plugins
	HOTDROP_LONG=1 go test -count 1 -v -timeout 2h -run 'TestSales/every' ./cmd/hotdrop/event

.PHONY: race
race: ## run the tests under the race detector, without those bound by SQLite; needs a C compiler
	@if command -v "$$(go env CC)" >/dev/null; then set -x; CGO_ENABLED=1 go test -race $(RACE); else \
	  case ",$${HOTDROP_REQUIRE:-}," in *,race,*) echo "HOTDROP_REQUIRE asks for race: install gcc" >&2; exit 1;; esac; \
	  echo "NOT CHECKED: data races; install gcc" >&2; \
	fi

.PHONY: bench
bench: ## benchmark commits, facts, decisions and vetting, and the same plugin under Extism
	go test -run '^$$' -bench . -benchmem ./core/... ./rules/... ./plugins/...
	cd plugins/bench && go test -run '^$$' -bench .

.PHONY: event
event: build ## replay the sales at small scale (the full size: bin/hotdrop event run phone)
	$(BINARY) event run phone --shoppers 4800 --reservations 26000 --units 1000 --connections 64
	$(BINARY) event run trade-in --shoppers 2000 --units 210 --connections 64
	$(BINARY) event run car --shoppers 500 --units 67 --connections 64
	$(BINARY) event run group --shoppers 1000 --connections 64

.PHONY: fmt
fmt: ## format the code
	gofmt -w $$(git ls-files -co --exclude-standard '*.go' ':!**/testdata/**')

.PHONY: generate
generate: ## write the generated files anew (campaign schema, plugins)
	go generate ./...

.PHONY: check
check: format vet tidy lint vulnerabilities generated race test ## everything a reviewer would run; fails on any diff

.PHONY: format
format:
	@diff=$$(gofmt -d $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$diff" ]; then echo "$$diff"; echo "not formatted: run make fmt" >&2; exit 1; fi

# The comparison with Extism is a module of its own, which only `make bench` runs: vet keeps it compiling, tests included.
.PHONY: vet
vet:
	go vet ./...
	cd plugins/bench && go vet ./...

.PHONY: tidy
tidy:
	go mod tidy -diff
	cd plugins/bench && go mod tidy -diff

# The installed linter when it is the very version, else one that Go builds: findings differ by version.
.PHONY: lint
lint: ## run golangci-lint, with who may import whom
	@linter=$$(command -v golangci-lint || echo "$$(go env GOPATH)/bin/golangci-lint"); \
	if "$$linter" version --short 2>/dev/null | grep -qx 'v\?$(LINT_AT)'; then set -x; "$$linter" run ./...; \
	else set -x; go run $(LINT)@v$(LINT_AT) run ./...; fi

# Where the database of today cannot be reached, the committed one is used.
.PHONY: vulnerabilities
vulnerabilities: ## look for known vulnerabilities in what the code calls
	@db=https://vuln.go.dev; \
	if ! curl -sf --max-time 10 -o /dev/null $$db/index/db.json; then \
	  db=file://$(CURDIR)/.ci/vulndb; echo "vuln.go.dev cannot be reached: using what is committed, $$(cat .ci/vulndb/index/db.json)"; fi; \
	set -x; go run $(VULNCHECK) -db $$db ./...

# Compares the files before and after, not with the last commit, so that it works with changes that are not committed. A
# plugin's module whose toolchain is missing stays as it is, with a word about it, or fails if HOTDROP_REQUIRE names it.
.PHONY: generated
generated:
	@sums() { git ls-files -co --exclude-standard -z | xargs -0 sha256sum --; }; \
	before=$$(sums); \
	go generate ./...; \
	if ! diff <(echo "$$before") <(sums); then \
	  echo "generated files are not up to date: commit what make generate writes" >&2; exit 1; \
	fi

.PHONY: clean
clean: ## remove what was built; the data stays
	rm -rf bin
