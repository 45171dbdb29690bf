# The two commands are `make demo` and `make test`; both set up what they need.
.PHONY: help setup build test test-drawn fuzz sanitize fault-matrix kill-storm measure-faults lint demo install uninstall clean

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
BIN = .build/release
PROGRAMS = tessera tessera-master tessera-worker tessera-rank
TOOLS = enlarge
# The rank's build for processors with wider vectors, which the other becomes where it can.
ifeq ($(shell uname -m),x86_64)
PROGRAMS += tessera-rank-v3
endif

help:
	@echo "make demo     build, and watch a cluster on this machine lose a worker half-way"
	@echo "make test     build, and run all tests"
	@echo "make test-drawn  compare CASES=10000 drawn pipelines, cut in every way, with the single strip; SEED=1000"
	@echo "make fuzz     fuzz all that reads bytes from outside, for SECONDS=60 in all; Fuzzing/README.md"
	@echo "make sanitize run the unit tests with AddressSanitizer, then with ThreadSanitizer"
	@echo "make fault-matrix  every fault, to everybody, in every phase of a job; SEED=1 draws the moments"
	@echo "make kill-storm  somebody is killed every second, for SECONDS=120"
	@echo "make measure-faults  how long a loss takes to be made good, over SAMPLES=100; on a quiet machine"
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
	FAULT_SAMPLES=$(or $(SAMPLES),100) swift test --skip-build --no-parallel --filter FaultMeasurement

lint:
	git ls-files -z '*.swift' ':!*.pb.swift' | xargs -0 swift format lint --strict --parallel

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
