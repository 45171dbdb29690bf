# The two commands are `make demo` and `make test`; both set up what they need.
.PHONY: help setup build test test-drawn result-digests compare-opencv bench-kernels fuzz sanitize fault-matrix kill-storm measure-faults lint lint-prose demo install uninstall clean

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
BIN = .build/release
PROGRAMS = tessera tessera-master tessera-worker tessera-rank
TOOLS = enlarge
# The rank's build for processors with wider vectors, which the other becomes where it can.
ifeq ($(shell uname -m),x86_64)
PROGRAMS += tessera-rank-v3
endif
# The kernels as this machine's rank runs them, for comparisons.
KERNELS = tessera-kernels$(if $(shell grep -m1 -o avx2 /proc/cpuinfo),-v3)

help:
	@echo "make demo     build, and watch a cluster on this machine lose a worker half-way"
	@echo "make test     build, and run all tests"
	@echo "make test-drawn  compare CASES=10000 drawn pipelines, cut in every way, with the single strip; SEED=1000"
	@echo "make result-digests  write digests of results to OUT=FILE, to compare two states; CASES=1000 SEED=1"
	@echo "make fuzz     fuzz all that reads bytes from outside, for SECONDS=60 in all; Fuzzing/README.md"
	@echo "make sanitize run the unit tests with AddressSanitizer, then with ThreadSanitizer"
	@echo "make fault-matrix  every fault, to everybody, in every phase of a job; SEED=1 draws the moments"
	@echo "make kill-storm  somebody is killed every second, for SECONDS=120"
	@echo "make measure-faults  how long a loss takes to be made good, over SAMPLES=100; on a quiet machine"
	@echo "make compare-opencv  compare every operation with OpenCV over drawn cases"
	@echo "make bench-kernels   race every kernel against OpenCV; SCALE=0.25 OUT=/dev/null is quicker"
	@echo "make build    build the four programs into $(BIN)"
	@echo "make install  copy the programs to $(PREFIX)/bin and the systemd units to /etc/systemd/system (as root)"
	@echo "make lint     check the formatting"

setup:
	@scripts/setup.sh

build: setup
	set -e; for program in $(PROGRAMS) $(TOOLS); do \
	    swift build -c release --static-swift-stdlib -j $(JOBS) --product $$program; \
	done

test: setup
	swift build --build-tests -j $(JOBS)
	swift test --skip-build --no-parallel

test-drawn: setup
	swift build --build-tests -j $(JOBS)
	DRAWN_CASES=$(or $(CASES),10000) DRAWN_SEED=$(or $(SEED),1000) swift test --skip-build --filter DrawnPipelineTests

result-digests: setup
	@test -n "$(OUT)" || { echo "make result-digests OUT=FILE" >&2; exit 64; }
	swift build --build-tests -j $(JOBS)
	RESULT_DIGESTS=$(abspath $(OUT)) DRAWN_CASES=$(or $(CASES),1000) DRAWN_SEED=$(or $(SEED),1) \
	    swift test --skip-build --filter ResultDigestTests

fuzz: setup
	scripts/fuzz.sh build
	FUZZ_SECONDS=$(or $(SECONDS),60) scripts/fuzz.sh run

sanitize: setup
	scripts/sanitize.sh address
	scripts/sanitize.sh thread

fault-matrix: setup
	swift build --build-tests -j $(JOBS)
	FAULT_MATRIX=all FAULT_SEED=$(or $(SEED),1) swift test --skip-build --no-parallel --filter FaultMatrix

kill-storm: setup
	swift build --build-tests -j $(JOBS)
	STORM_SECONDS=$(or $(SECONDS),120) swift test --skip-build --no-parallel --filter KillStorm

measure-faults: setup
	swift build --build-tests -j $(JOBS)
	FAULT_SAMPLES=$(or $(SAMPLES),100) swift test --skip-build --no-parallel --filter "FaultMeasurement|PoisonMeasurement"

# A Python of its own for OpenCV, our oracle and opponent; nothing else needs it.
OPENCV = .build/opencv/bin/python3
$(OPENCV): Tests/OpenCV/requirements.txt
	python3 -m venv .build/opencv
	.build/opencv/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

# What they measure goes into docs/operations.md: run the tests of Imaging with UPDATE_DOCS=1 afterwards.
compare-opencv: setup $(OPENCV)
	swift build -c release -j $(JOBS) --product $(KERNELS)
	$(OPENCV) Tests/OpenCV/compare.py $(BIN)/$(KERNELS) --out docs/measured/opencv-agreement.json

bench-kernels: setup $(OPENCV)
	swift build -c release -j $(JOBS) --product $(KERNELS)
	$(OPENCV) Tests/OpenCV/bench.py $(BIN)/$(KERNELS) --scale $(or $(SCALE),1) --out $(or $(OUT),docs/measured/kernel-speed.json)

lint:
	git ls-files -z '*.swift' ':!*.pb.swift' | xargs -0 swift format lint --strict --parallel

# Habits of language that docs/style.md advises against; `scripts/lint-prose.pl --count` shows them per directory.
lint-prose:
	scripts/lint-prose.pl --self-test
	scripts/lint-prose.pl
	scripts/check-links.pl

demo: build
	@scripts/demo.sh

install:
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)/etc/systemd/system $(DESTDIR)/etc/tessera $(DESTDIR)/usr/lib/sysusers.d
	install -s -m 755 $(addprefix $(BIN)/,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin
	install -m 644 systemd/tessera-master.service systemd/tessera-worker.service $(DESTDIR)/etc/systemd/system
	install -m 644 systemd/tessera.sysusers $(DESTDIR)/usr/lib/sysusers.d/tessera.conf

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(PROGRAMS))
	rm -f $(addprefix $(DESTDIR)/etc/systemd/system/,tessera-master.service tessera-worker.service)
	rm -f $(DESTDIR)/usr/lib/sysusers.d/tessera.conf

clean:
	rm -rf .build
