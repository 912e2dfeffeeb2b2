# Two commands for those who are new here: `make demo` and `make test`. Each installs what it needs from Debian (through sudo,
# unless root calls it), says what that is, builds, and runs. The Rust toolchain must be there already.

SHELL := /bin/bash

# dev builds quickest; `make demo PROFILE=release` runs what a package would have.
PROFILE ?= dev
# The demo lab; its disks go with `make clean`.
DEMO = --data-dir $(CURDIR)/target/demo assets/demo/dc.yml
BUILD_DIR = target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))

# Nothing but what must be is done as root; cargo builds as the user, and runs tests through SUDO.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -E)
AS_ROOT := $(if $(SUDO),CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="$(SUDO)")

# What a lab runs on, and what building takes besides Rust.
RUN_PACKAGES = bird2 dnsmasq-base iproute2 nftables ovmf qemu-system-x86 qemu-utils swtpm
BUILD_PACKAGES = gcc libc6-dev
TEST_PACKAGES = bsdutils busybox curl freeipmi-tools ipmitool iptables iputils-ping ipxe ipxe-qemu isolinux mtools openssh-client \
	picocom procps socat syslinux-common xorriso
# The long tests make a Debian of their own and log in to it, and type in other shells; without those, that test says so.
LONG_TEST_PACKAGES = debootstrap e2fsprogs fish openssh-client python3-venv slirp4netns util-linux zsh
# libFuzzer is C++.
FUZZ_PACKAGES = g++
# What makes and checks the Debian package.
PACKAGE_PACKAGES = debhelper dpkg-dev git lintian
VERSION = $(shell dpkg-parsechangelog -S Version)
DEB = target/package/placemat2_$(VERSION)_amd64.deb
# What it is built from.
COPY = target/package/placemat2-$(VERSION)
# How often each fuzz target is run, and how it is built: as cargo fuzz does, by what a stable compiler has, so without sanitizers.
FUZZ_TARGETS = ipmi redfish lab_file
FUZZ_RUNS ?= 200000
FUZZ_HOST = x86_64-unknown-linux-gnu
FUZZ_FLAGS = --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
	-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=16
# DMTF's programs, against which the Redfish face of virtual BMCs is held.
REDFISH_CLIENTS = redfish_service_validator redfish_protocol_validator redfishtool redfish_utilities

.PHONY: help deps test-deps build guest demo test test-all fuzz redfish-clients bench lint package test-package clean

help:
	@echo 'make demo      build all and open the console on the demo data centre'
	@echo 'make test      run the tests that a change must pass (under 20 minutes)'
	@echo 'make test-all  run the long ones too'
	@echo 'make fuzz      run the fuzz targets, FUZZ_RUNS times each'
	@echo 'make bench     measure against the targets'
	@echo 'make lint      check formatting and lints'
	@echo 'make package   make and check the Debian package, in target/package'
	@echo 'make build     build placemat2 and pmctl2 (PROFILE=release for an optimized build)'
	@echo 'make guest     make the disk image of the demo servers'
	@echo 'make clean     remove what was built'

deps:
	@assets/install-packages $(BUILD_PACKAGES) $(RUN_PACKAGES)

test-deps:
	@assets/install-packages $(BUILD_PACKAGES) $(RUN_PACKAGES) $(TEST_PACKAGES)

build: deps
	cargo build --locked --bins --profile $(PROFILE)

guest: deps
	@assets/guest/build

demo: build guest
	@# Disks that were made on top of an older image are of no use; the servers keep nothing on them.
	@[ ! -d target/demo ] || $(SUDO) find target/demo -name root.img ! -newer target/guest/guest.qcow2 -delete
	@# In the console where there is a terminal, else with a table of what runs.
	@if [ -t 0 ] && [ -t 1 ]; then \
	    $(SUDO) $(BUILD_DIR)/placemat2 ui $(DEMO); \
	else \
	    echo; \
	    echo 'The demo data centre starts; SIGTERM takes it down.'; \
	    $(SUDO) assets/demo/show $(BUILD_DIR)/pmctl2 & \
	    $(SUDO) $(BUILD_DIR)/placemat2 --headless $(DEMO); \
	fi

test: test-deps guest
	$(AS_ROOT) cargo test --locked --workspace

# What was installed before stays as it is; make clean removes it.
redfish-clients:
	@assets/install-packages $(LONG_TEST_PACKAGES)
	@[ -e target/redfish-clients/done ] || { \
	  python3 -m venv target/redfish-clients && \
	  target/redfish-clients/bin/pip install --quiet $(REDFISH_CLIENTS) && \
	  touch target/redfish-clients/done; }

# What is found goes on from run to run in target/fuzz/corpus; what makes a target fail is left in target/fuzz.
fuzz:
	@assets/install-packages $(BUILD_PACKAGES) $(FUZZ_PACKAGES)
	RUSTFLAGS='$(FUZZ_FLAGS)' CARGO_INCREMENTAL=0 cargo build --locked --release --manifest-path fuzz/Cargo.toml --target $(FUZZ_HOST) --target-dir target/fuzz
	set -e; for target in $(FUZZ_TARGETS); do \
	  mkdir -p target/fuzz/corpus/$$target; \
	  target/fuzz/$(FUZZ_HOST)/release/$$target -runs=$(FUZZ_RUNS) -max_len=4096 -timeout=30 -print_final_stats=1 \
	    -artifact_prefix=target/fuzz/$$target- target/fuzz/corpus/$$target fuzz/corpus/$$target; \
	done

# From a copy of what git knows, so that nothing else gets in; the build goes on in target, as usual. Files that are as they
# were in the last copy keep their time, and what was built from them is not built anew; all others have that of the copy.
package: deps
	@assets/install-packages $(PACKAGE_PACKAGES)
	rm -rf target/package/last && mkdir -p target/package
	[ ! -d $(COPY) ] || mv $(COPY) target/package/last
	mkdir -p $(COPY) && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -P --preserve=mode -t $(COPY)
	cd $(COPY) && find . -type f -exec sh -c 'for file; do ! cmp -s $$file ../last/$$file || touch -r ../last/$$file $$file; done' - {} +
	rm -rf target/package/last target/package/*_*
	cd $(COPY) && CARGO_TARGET_DIR=$(CURDIR)/target dpkg-buildpackage -b -us -uc
	lintian --fail-on error,warning $(DEB)

test-package: package
	@assets/install-packages $(LONG_TEST_PACKAGES)
	$(SUDO) tests/package/run $(DEB)

test-all: test fuzz redfish-clients test-package
	@# Figures are for make bench.
	$(AS_ROOT) cargo test --locked --workspace -- --ignored --skip figures

bench: test-deps
	$(AS_ROOT) cargo bench --locked --bench lab --bench screen
	cargo test --locked --release -p placemat2-engine --lib figures -- --ignored --nocapture --test-threads=1
	$(AS_ROOT) cargo bench --locked -p placemat2-engine --bench api --bench console --bench fabric --bench forward

lint: deps
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

clean:
	cargo clean
