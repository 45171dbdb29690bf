# The two commands are `make demo` and `make test`; both set up what they need.
.PHONY: help setup build web web-test page-test test python-test test-drawn test-rank-v3 result-digests fuzz sanitize sanitize-codecs fault-matrix kill-storm measure-faults measure-builds \
	compare-opencv bench-kernels bench-formats bench-web release-check lint lint-prose demo install uninstall deb deb-check deb-piuparts reproducible-check hosts containers-check slurm-check metrics-check clean

# What make runs is whole, also where a developer builds only some tests (Package.swift).
unexport TESSERA_TESTS

PREFIX ?= /usr/local
BIN = .build/release
# The shells' completions of `tessera`, below PREFIX, for bash, zsh and fish.
COMPLETIONS = share/bash-completion/completions/tessera share/zsh/site-functions/_tessera \
	share/fish/vendor_completions.d/tessera.fish
PROGRAMS = tessera tessera-master tessera-worker tessera-rank tessera-web
# The rank's second build, for processors with wider vectors: what is installed has both, and the first becomes the second where
# it can. `make demo` and `make test` do without it (docs/decisions/0021).
RANK_V3 =
ifeq ($(shell uname -m),x86_64)
RANK_V3 = TESSERA_RANK_V3=1
PROGRAMS += tessera-rank-v3
endif
# The kernels as this machine's rank runs them, for comparisons.
KERNELS = tessera-kernels$(if $(shell grep -m1 -o avx2 /proc/cpuinfo),-v3)

BUILD = scripts/build.sh
# One build of only the programs, which bring Swift's library with them. Nothing loads code that calls back into them, so their
# symbols are not exported: what they do not use is left out. Without hashes of the compiler's intermediate code, which are not the same in each
# build (docs/decisions/0085).
BUILD_PROGRAMS = TESSERA_PARTS=programs $(BUILD) -c release --static-swift-stdlib -Xlinker --no-export-dynamic \
	-Xswiftc -Xfrontend -Xswiftc -disable-incremental-llvm-codegen
TEST = swift test --skip-build

help:
	@echo "make demo     build, and watch a cluster on this machine lose a worker half-way"
	@echo "make test     build, and run all tests"
	@echo "make test-drawn  compare CASES=10000 random pipelines, cut in every way, with the single strip; SEED=1000"
	@echo "make result-digests  write digests of results to OUT=FILE, to compare two states; CASES=1000 SEED=1"
	@echo "make test-rank-v3  the tests that need the rank's second build, for x86-64-v3 processors"
	@echo "make python-test  build the Python client's wheel, and test it on a cluster of the programs in PROGRAMS_IN=.build/debug"
	@echo "make fuzz     fuzz everything that reads bytes from outside, for SECONDS=60 in all; Fuzzing/README.md"
	@echo "make sanitize run the unit tests with AddressSanitizer, then with ThreadSanitizer"
	@echo "make sanitize-codecs  the tests of image files alone, with AddressSanitizer"
	@echo "make fault-matrix  every fault, to every process, in every phase of a job; SEED=1 chooses the moments"
	@echo "make kill-storm  a process is killed every second, for SECONDS=120"
	@echo "make measure-faults  the time from a loss to the new lease, over SAMPLES=100; on a quiet machine"
	@echo "make measure-builds  how long make demo and make test take from an empty clone, and how large the programs are"
	@echo "make compare-opencv  compare every operation with OpenCV over random cases"
	@echo "make bench-kernels   measure every kernel against OpenCV; SCALE=0.25 OUT=/dev/null is quicker"
	@echo "make bench-web       measure the gateway beside nginx and others, on a machine that does nothing else; ROWS=events is one of them"
	@echo "make bench-formats   measure whole jobs against libvips; PHOTOGRAPHS=200 SIDE=30000"
	@echo "make release-check   check that both have covered every operation, as a release needs"
	@echo "make build    build the programs into $(BIN)"
	@echo "make web      build the gateway, tessera-web, alone, as after make demo"
	@echo "make web-test build it with its tests, run them, and check it with a real cluster (scripts/web-check.sh)"
	@echo "make page-test  check its page in a browser, with the programs in .build/debug, as after make web-test"
	@echo "make install  copy the programs to $(PREFIX)/bin, the shells' completions, the systemd units, and sample settings to"
	@echo "              /etc/tessera (as root)"
	@echo "make deb      make Debian packages in .build/packages, of a release build or of the one in DEB_PROGRAMS=DIR"
	@echo "make deb-check  make them, and check them: lintian, piuparts, the same bytes twice, the units' exposure, a host that boots (as root)"
	@echo "make reproducible-check  build this commit twice, from nothing, and compare the packages byte for byte"
	@echo "make deb-piuparts  make them, and look for what they leave behind with Debian's piuparts, as deb-check does, too (as root)"
	@echo "make hosts    make them in two versions, and accept them on four hosts that boot: faults, reboots, an upgrade (as root)"
	@echo "make containers-check  make them, build the container images of them, and run these in networks of their own (as root)"
	@echo "make slurm-check  check workers, allocations and autoscale in Debian's Slurm on three nodes (as root); PROGRAMS_IN=.build/debug, CASES="
	@echo "make metrics-check  check metrics, alerts and dashboard with Debian's Prometheus; PROGRAMS_IN=.build/debug of another build"
	@echo "make lint     check the formatting, the imports of Foundation, and what lint-prose checks"
	@echo "make lint-prose  find habits of language (docs/style.md), broken links, and targets that are not as the page says"
	@echo
	@echo "Longer campaigns, each described in its first lines:"
	@echo "scripts/crash-points.sh   kill the master at every call that changes its files"
	@echo "scripts/power-cuts.sh     cut the power of a file system under the journal and the master (as root)"
	@echo "scripts/restart-speed.sh  how soon a master serves again with a journal of a million tasks"
	@echo "scripts/two-releases.sh   upgrade a cluster to another release in mid-job"

setup:
	@scripts/setup.sh

build: setup
	$(RANK_V3) TESSERA_WEB=1 $(BUILD_PROGRAMS)

# The gateway alone: neither `make demo` nor `make test` waits for it (docs/decisions/0060, 0070).
web: setup
	TESSERA_WEB=1 $(BUILD_PROGRAMS) --product tessera-web

# The checks of the gate; `scripts/web-check.sh` lists all.
WEB_CHECKS = connections offsets refused-body roles downloads previews links webhooks page-size idempotency restarts master-away events resume
web-test: setup
	TESSERA_WEB=1 $(BUILD) --build-tests
	REPEATS=200 SIZE_MB=64 scripts/web-check.sh $(WEB_CHECKS)
	TESSERA_WEB=1 $(TEST) --filter '^Gateway'

# Those of them that need a browser, Node, or packages of Python's own index; `views` and `scale` take minutes, and are commands of their own.
PAGE_CHECKS = logic types assets first-use iiif iiif-viewer preview-page keyboard share webhook-page tiff-original upload accessibility
page-test:
	@scripts/setup.sh web
	scripts/web-check.sh $(PAGE_CHECKS)

test:
	@scripts/setup.sh tests
	$(BUILD) --build-tests
	scripts/test.sh

test-drawn: setup
	$(BUILD) --build-tests
	DRAWN_CASES=$(or $(CASES),10000) DRAWN_SEED=$(or $(SEED),1000) $(TEST) --filter DrawnPipelineTests

test-rank-v3: setup
	$(RANK_V3) $(BUILD) --build-tests
	$(RANK_V3) $(TEST) --no-parallel --filter WorldTests

# The programs, tessera-web among them, are there: scripts/build.sh has built them, or PROGRAMS_IN names their directory.
python-test:
	BIN=$(abspath $(or $(PROGRAMS_IN),.build/debug)) scripts/python-test.sh

result-digests: setup
	@test -n "$(OUT)" || { echo "make result-digests OUT=FILE" >&2; exit 64; }
	$(BUILD) --build-tests
	RESULT_DIGESTS=$(abspath $(OUT)) DRAWN_CASES=$(or $(CASES),1000) DRAWN_SEED=$(or $(SEED),1) \
	    $(TEST) --filter ResultDigestTests

fuzz: setup
	scripts/fuzz.sh build
	FUZZ_SECONDS=$(or $(SECONDS),60) FUZZ_SEED=$(or $(SEED),0) scripts/fuzz.sh run

sanitize: setup
	scripts/sanitize.sh address
	scripts/sanitize.sh thread

# Only the code that reads and writes files of strangers, which is built and run in minutes.
sanitize-codecs: setup
	TESSERA_TESTS=ImageCodecsTests,FuzzTests scripts/sanitize.sh address

fault-matrix: setup
	$(BUILD) --build-tests
	FAULT_MATRIX=all FAULT_SEED=$(or $(SEED),1) $(TEST) --no-parallel --filter FaultMatrix

kill-storm: setup
	$(BUILD) --build-tests
	STORM_SECONDS=$(or $(SECONDS),120) $(TEST) --no-parallel --filter KillStorm

measure-builds:
	scripts/build-times.sh

measure-faults: setup
	$(BUILD) --build-tests
	FAULT_SAMPLES=$(or $(SAMPLES),100) $(TEST) --no-parallel --filter "FaultMeasurement|PoisonMeasurement"

# A Python of its own for OpenCV, our oracle and baseline; nothing else needs it.
OPENCV = .build/opencv/bin/python3
$(OPENCV): Tests/OpenCV/requirements.txt
	python3 -m venv .build/opencv
	.build/opencv/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Their measurements go into docs/operations.md: run the tests of Imaging with UPDATE_DOCS=1 afterwards.
compare-opencv: setup $(OPENCV)
	$(RANK_V3) $(BUILD) -c release --product $(KERNELS)
	$(OPENCV) Tests/OpenCV/compare.py $(BIN)/$(KERNELS) --out docs/measured/opencv-agreement.json

bench-kernels: setup $(OPENCV)
	$(RANK_V3) $(BUILD) -c release --product $(KERNELS)
	$(OPENCV) Tests/OpenCV/bench.py $(BIN)/$(KERNELS) --scale $(or $(SCALE),1) --out $(or $(OUT),docs/measured/kernel-speed.json)

# Whole jobs against Debian's libvips-tools, which nothing else needs; writes docs/performance.md.
# The programs on the other side, which nothing else needs.
BASELINES = .build/web-baselines/bin/python3
$(BASELINES): Tests/Web/bench/requirements.txt
	python3 -m venv .build/web-baselines
	.build/web-baselines/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench-web: build $(BASELINES)
	scripts/setup.sh bench-web
	BIN=$(abspath $(BIN)) Tests/Web/bench/run $(ROWS)

bench-formats: build
	scripts/bench-formats.sh $(ROWS)

# What compare-opencv and bench-kernels have written is complete: evidence for a release, not a condition of `make test`.
release-check: setup
	$(BUILD) --build-tests
	RELEASE_CHECK=1 $(TEST) --filter ReleaseEvidenceTests

# The programs are built, or PROGRAMS_IN names their directory.
metrics-check:
ifeq ($(origin PROGRAMS_IN),undefined)
	$(MAKE) build
endif
	scripts/metrics-check.sh $(or $(PROGRAMS_IN),$(BIN))

# In Slurm; the programs as for metrics-check.
slurm-check:
ifeq ($(origin PROGRAMS_IN),undefined)
	$(MAKE) build
endif
	scripts/slurm-check.sh $(or $(PROGRAMS_IN),$(BIN)) $(CASES)

# All of Foundation brings 40 MB of ICU into each program; FoundationEssentials does not.
lint: lint-prose
	git ls-files -z '*.swift' ':!*.pb.swift' | xargs -0 swift format lint --strict --parallel
	@! git grep -nE '^([a-z]+ )?import Foundation$$' -- Sources ':!*.pb.swift' || \
	    { echo "lint: import FoundationEssentials in Sources" >&2; exit 1; }

# Habits of language (docs/style.md; `scripts/lint-prose.pl --count` shows them per directory), links and paths in pages, and
# the table of targets.
lint-prose:
	scripts/lint-prose.pl --self-test
	scripts/lint-prose.pl
	scripts/check-links.pl
	scripts/check-architecture.pl

demo:
	@rm -f $(BIN)/tessera-rank-v3 # of an earlier build
	@scripts/stage.sh 1 3 "Debian's packages and the Swift toolchain" scripts/setup.sh
	@scripts/stage.sh 2 3 "Building five programs, optimised" env $(BUILD_PROGRAMS)
	@scripts/stage.sh 3 3 "A cluster on this machine" scripts/demo.sh

install:
	@for program in $(PROGRAMS); do \
	    [ -e $(BIN)/$$program ] || { echo "install: $(BIN)/$$program is missing; run 'make build' first" >&2; exit 1; }; \
	done
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)/etc/systemd/system $(DESTDIR)/etc/tessera $(DESTDIR)/usr/lib/sysusers.d \
	    $(addprefix $(DESTDIR)$(PREFIX)/,$(dir $(COMPLETIONS)))
	install -s -m 755 $(addprefix $(BIN)/,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin
	$(BIN)/tessera --generate-completion-script bash > $(DESTDIR)$(PREFIX)/$(word 1,$(COMPLETIONS))
	$(BIN)/tessera --generate-completion-script zsh > $(DESTDIR)$(PREFIX)/$(word 2,$(COMPLETIONS))
	$(BIN)/tessera --generate-completion-script fish > $(DESTDIR)$(PREFIX)/$(word 3,$(COMPLETIONS))
	install -m 644 systemd/tessera-master.service systemd/tessera-worker.service systemd/tessera-worker.path \
	    systemd/tessera-web.service systemd/tessera-web.path $(DESTDIR)/etc/systemd/system
	@# Alerts and a dashboard for those who have Prometheus and Grafana.
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/tessera/prometheus share/tessera/prometheus/*.yml
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/tessera/grafana share/tessera/grafana/tessera.json
	install -m 644 systemd/tessera.sysusers $(DESTDIR)/usr/lib/sysusers.d/tessera.conf
	install -d $(DESTDIR)$(PREFIX)/share/tessera
	cp -r share/tessera/openapi.json share/tessera/web $(DESTDIR)$(PREFIX)/share/tessera
	@# Settings that are there stay as they are.
	for file in master.yaml worker.yaml web.yaml; do \
	    [ -e $(DESTDIR)/etc/tessera/$$file ] || install -m 644 systemd/$$file $(DESTDIR)/etc/tessera; \
	done

# Debian packages of the programs of `make build`, or of DEB_PROGRAMS.
PACKAGES = .build/packages
deb:
ifeq ($(origin DEB_PROGRAMS),undefined)
	$(MAKE) build
endif
	scripts/setup.sh packages
	scripts/deb.sh $(or $(DEB_PROGRAMS),$(BIN)) $(PACKAGES) $(DEB_VERSION)

# The same programs give the same bytes; that the same commit does is what reproducible-check builds twice for.
deb-check: deb
	scripts/check-units.sh
	lintian --fail-on error,warning $(PACKAGES)/tessera_*.changes
	scripts/deb.sh $(or $(DEB_PROGRAMS),$(BIN)) $(PACKAGES)-again $(DEB_VERSION)
	for package in $(PACKAGES)/*.deb; do cmp $$package $(PACKAGES)-again/$$(basename $$package) || exit 1; done
	scripts/deb-piuparts.sh $(PACKAGES)
	scripts/deb-check.sh $(PACKAGES)

# Two builds of the same commit, from nothing, have to give the same bytes.
reproducible-check: setup
	scripts/setup.sh packages
	scripts/reproducible-check.sh

deb-piuparts: deb
	scripts/deb-piuparts.sh $(PACKAGES)

# The packages on four hosts, and an upgrade to those of a higher version: of the same programs, or of NEXT_PROGRAMS.
hosts: deb
	scripts/deb.sh $(or $(NEXT_PROGRAMS),$(DEB_PROGRAMS),$(BIN)) $(PACKAGES)-next \
	    $$(dpkg-deb -f $(PACKAGES)/tessera-common_*.deb Version)+next
	scripts/hosts-check.sh $(PACKAGES) $(PACKAGES)-next $(CASES)

# Images of the packages, in containers.
containers-check: deb
	scripts/setup.sh containers
	scripts/containers-check.sh $(PACKAGES)

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(PROGRAMS)) $(addprefix $(DESTDIR)$(PREFIX)/,$(COMPLETIONS))
	rm -f $(addprefix $(DESTDIR)/etc/systemd/system/,tessera-master.service tessera-worker.service tessera-worker.path \
	    tessera-web.service tessera-web.path)
	rm -f $(DESTDIR)/usr/lib/sysusers.d/tessera.conf
	rm -rf $(DESTDIR)$(PREFIX)/share/tessera

clean:
	rm -rf .build
