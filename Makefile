# SPDX-License-Identifier: GPL-2.0
# Each target calls one script in tools/, which says what it takes and does.

.DEFAULT_GOAL := help

help:
	@echo 'make boot       boot real Xen in QEMU: a guest whose disk is served from unpopulated pages'
	@echo '                (FLAVOUR=pvh, pv or arm64)'
	@echo 'make test       every suite and all three boots; the last line counts (SUITES="check kunit" for a few,'
	@echo '                BASES="6.1 6.12 7" for several kernels, LANES=2 for two suites at a time)'
	@echo 'make bench      what an allocation costs, in instructions, stock and patched (FLAVOURS="pvh")'
	@echo '                make bench-compare [BASELINE=file] fails where it costs more than was recorded'
	@echo '                make bench-speed: MiB/s of block and network, stock and patched (PAIRS=5)'
	@echo 'make apply      patch a kernel tree in place (KDIR=path)'
	@echo 'make deb        build Debian packages of the patched kernel (CONFIG=file)'
	@echo 'make mail       write the series as mails for a git tree (KDIR=path OUT=folder)'
	@echo 'make mailcheck  see to it that each of them builds by itself (KDIR=path OUT=folder)'
	@echo
	@echo 'make packages   install the Debian packages that are missing'
	@echo 'make source     unpack the stock kernel'
	@echo 'make tree       patch a copy of it, or bring that copy up to date'
	@echo 'make check      style, static checks, rules of this repository'
	@echo 'make breadth    compile what the series touches for more architectures, options and compilers (ROWS="arm i386")'
	@echo 'make kunit      the unit tests, in QEMU without Xen'
	@echo 'make regions    the tool that shows what address space Xen on Arm offers, into build/regions'
	@echo 'make compare    RAM, swiotlb and struct pages of a PVH dom0, stock and patched, on hosts of 2, 4 and 8 GiB'
	@echo 'make soak       fuzz it for 10 minutes, and boots with more of what make test has (SUITES=, FLAVOURS=)'
	@echo 'make selftest   boots that fail and crash on purpose: do the verdicts see it?'
	@echo 'make mutate     break each guard of the driver once: which test sees it? (GUARDS=pattern)'
	@echo 'make coverage   which lines of the driver do tests and boots run? Which not, and why?'
	@echo 'make clean      remove build/, downloads included'
	@echo
	@echo 'All take BASE=6.1, 6.12 or 7 (6.12; mail and mailcheck: 7), BUILD=folder (build) and JOBS=N (one for each processor).'

packages source tree apply deb mail mailcheck breadth check kunit boot compare coverage mutate soak selftest test:
	@tools/$@

bench:
	@tools/bench/run

BASELINE ?= tools/bench/baseline.json
bench-compare:
	@tools/bench/compare $(or $(BUILD),build)/bench/results.json $(BASELINE)

bench-speed:
	@tools/bench/speed

regions:
	@tools/regions/build

# The others see to it themselves, or work without.
source tree check kunit mutate regions soak selftest: packages

clean:
	rm -rf build

.PHONY: help packages source tree apply deb mail mailcheck breadth check kunit boot bench bench-compare bench-speed regions compare coverage mutate soak selftest test clean
