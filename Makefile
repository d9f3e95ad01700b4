# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make                 build/ccbake, manual pages, completion
#   make check           all tests (installs what they need); T="layers boot": only these; TIMES=1: prints the slowest;
#                        KVM=absent|broken|works: imitates such a host
#   make check-quick     the tests that need no root and no stand-ins: run it after each edit
#   make check-real      the driver step on NVIDIA's own code, from Debian's packages; a quarter of an hour
#   make coverage        prints which lines of bake/ the tests run
#   make demo            bakes, verifies and boots the guide's images, from stand-ins
#   make bench           compares the time with virt-customize; QUICK=1: shorter
#   make bench-judge     measures verify and diff on the images of the demo
#   make bench-upload    compares the time with rclone
#   make lint            clang-format, cppcheck, shellcheck, a clang build
#   make install         PREFIX=/usr/local DESTDIR=

VERSION  := 0.1.0
PREFIX   ?= /usr/local
BUILD    ?= build
CC       ?= gcc
CFLAGS   ?= -O2 -g
LIBS     := gio-2.0 ext2fs com_err libseccomp libguestfs libarchive libcurl libcrypto libfyaml jansson rpm libelf blkid fdisk libdeflate liblzma

WARNINGS := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DCCB_VERSION='"$(VERSION)"' -Ibake
# Expanded lazily, so that a missing library is reported once, by the rule that needs it.
LIB_CFLAGS = $(shell pkg-config --cflags $(LIBS))
LIB_LIBS   = $(shell pkg-config --libs $(LIBS))

SOURCES := $(sort $(wildcard bake/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)
TESTS   := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(sort $(wildcard tests/unit/test-*.c)))
MANUAL  := $(BUILD)/man/ccbake.1 $(BUILD)/man/ccbake-recipe.5
SCRIPTS := $(shell for f in $(wildcard scripts/* .ci/* tests/* tests/*/* tests/standin/src/* overlays/selftest/*); do \
    test ! -f $$f || ! head -n 1 $$f | grep -qE '^\#!.*(bash|/sh)' || echo $$f; done) \
    $(wildcard scripts/*.bash tests/*.bash tests/*/*.bash bake/completions/*)

.PHONY: all unit check check-asan check-bats check-quick check-real coverage demo bench bench-judge bench-upload deps deps-bench lint format install uninstall clean
.DELETE_ON_ERROR:

all: $(BUILD)/ccbake $(MANUAL)

# V=1 shows the commands.
Q := $(if $(V),,@)

$(BUILD)/ccbake: $(BUILD)/obj/bake/main.o $(BUILD)/rooms.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@.new $^ $(LIB_LIBS) && mv $@.new $@

# Everything but main, for ccbake and for the unit tests.
$(BUILD)/rooms.a: $(OBJECTS) $(BUILD)/obj/selftest.o $(BUILD)/obj/parameters.o $(BUILD)/obj/report.o
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

# The files that the selftest step puts into images (bake/step/step-selftest.c).
$(BUILD)/obj/selftest.c: bake/step/step-selftest.gresource.xml $(wildcard overlays/selftest/*)
	@mkdir -p $(@D)
	$(Q)glib-compile-resources --sourcedir=overlays/selftest --c-name=ccb_selftest --generate-source --target=$@ $<

# The parameters of requests (bake/cloud/request.c).
$(BUILD)/obj/parameters.c: bake/cloud/parameters.gresource.xml bake/cloud/parameters
	@mkdir -p $(@D)
	$(Q)glib-compile-resources --sourcedir=bake/cloud --c-name=ccb_parameters --generate-source --target=$@ $<

# The style sheet of reports (bake/report/page.c).
$(BUILD)/obj/report.c: bake/report/report.gresource.xml bake/report/report.css
	@mkdir -p $(@D)
	$(Q)glib-compile-resources --sourcedir=bake/report --c-name=ccb_page --generate-source --target=$@ $<

$(BUILD)/obj/selftest.o $(BUILD)/obj/parameters.o $(BUILD)/obj/report.o: %.o: %.c
	$(Q)$(CC) $(CFLAGS) $(LIB_CFLAGS) -c -o $@ $<

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/rooms.a tests/unit/tap.h
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(WARNINGS) $(CPPFLAGS) -Itests/unit $(CFLAGS) $(LIB_CFLAGS) $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(BUILD)/rooms.a $(LIB_LIBS)

$(filter $(BUILD)/unit/test-check-%,$(TESTS)): $(BUILD)/obj/tests/unit/check-fixture.o tests/unit/check-fixture.h

-include $(OBJECTS:.o=.d) $(BUILD)/obj/bake/main.d $(BUILD)/obj/tests/unit/check-fixture.d

$(BUILD)/man/%.1: bake/man/%.pod
	@mkdir -p $(@D)
	pod2man --section=1 --center="ccbake" --release="ccbake $(VERSION)" --name=$* $< $@

$(BUILD)/man/%.5: bake/man/%.pod
	@mkdir -p $(@D)
	pod2man --section=5 --center="ccbake" --release="ccbake $(VERSION)" --name=$* $< $@

deps:
	scripts/install-deps

deps-bench:
	scripts/install-deps bench

unit: $(TESTS)

# T: names of bats files without .bats, and of unit tests.  Each test runs once: unit tests and the bats files of the parsers
# with ASan and UBSan, the others with the normal build.
T ?=
BATS      := $(sort $(wildcard tests/*.bats))
ASAN_BATS := tests/recipe.bats tests/options.bats tests/fetch.bats
pick       = $(strip $(if $(T),$(foreach t,$(1),$(if $(filter $(basename $(notdir $(t))),$(T)),$(t))),$(1)))
ASAN      := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
RUN_TESTS  = CCBAKE_TEST_KVM=$(KVM) tests/run $(if $(TIMES),--times)

check: deps
	status=0; $(MAKE) check-asan || status=1; $(MAKE) check-bats || status=1; exit $$status

check-asan: ASAN_PICKED = $(call pick,$(TESTS:$(BUILD)/%=$(BUILD)/asan/%) $(ASAN_BATS))
check-asan:
	$(if $(ASAN_PICKED),$(MAKE) BUILD=$(BUILD)/asan CFLAGS='$(ASAN)' all $(if $(filter unit/%,$(ASAN_PICKED:$(BUILD)/asan/%=%)),unit))
	$(if $(ASAN_PICKED),$(RUN_TESTS) $(BUILD)/asan $(ASAN_PICKED))

check-bats: BATS_PICKED = $(call pick,$(filter-out $(ASAN_BATS),$(BATS)))
check-bats: all
	$(if $(T),,tests/standin/build)
	$(if $(BATS_PICKED),$(RUN_TESTS) $(BUILD) $(BATS_PICKED))

# The bats files that say so at their head.  Some of these tests only wait, so that more can run than there are processors.
QUICK_BATS := $(sort $(shell grep -l '^\# Needs no root, no stand-in and no network' tests/*.bats))
check-quick: all unit
	CCBAKE_TEST_JOBS=$(or $(CCBAKE_TEST_JOBS),$(shell expr 2 + $$(nproc))) tests/run --name=quick $(if $(TIMES),--times) $(BUILD) $(TESTS) $(QUICK_BATS)

check-real: deps
	$(MAKE) all
	tests/real/run $(BUILD)

coverage: deps
	$(MAKE) BUILD=$(BUILD)/coverage CFLAGS='-O1 -g --coverage' LDFLAGS=--coverage all unit
	tests/standin/build
	tests/run $(BUILD)/coverage $(TESTS:$(BUILD)/%=$(BUILD)/coverage/%) $(BATS)
	gcovr --root . --filter bake/ $(BUILD)/coverage/obj

demo:
	scripts/demo $(BUILD)

# SKIP='matrix peer floor' skips these parts.
bench: deps-bench
	$(MAKE) all
	QUICK='$(QUICK)' SKIP='$(SKIP)' tests/bench/run $(BUILD)

bench-judge: deps-bench
	$(MAKE) all $(BUILD)/unit/test-unitgraph
	tests/bench/judge $(BUILD)

bench-upload: deps-bench
	$(MAKE) all
	tests/bench/upload $(BUILD)

lint: deps
	@echo "  clang-format"
	@clang-format --dry-run --Werror $(sort $(wildcard bake/*.c bake/*/*.[ch] tests/unit/*.[ch]))
	shellcheck -x $(SCRIPTS)
	shellcheck -x --severity=warning $(sort $(wildcard tests/*.bats))
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr \
	    --suppress=missingInclude --suppress=unknownMacro -Ibake bake
	tests/lint-rooms
	$(MAKE) BUILD=$(BUILD)/clang CC=clang all

format:
	clang-format -i $(sort $(wildcard bake/*.c bake/*/*.[ch] tests/unit/*.[ch]))

TOOLS := import-image run-instance check-instance

install: all
	install -D -m 0755 $(BUILD)/ccbake $(DESTDIR)$(PREFIX)/bin/ccbake
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(BUILD)/man/ccbake.1
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man5 $(BUILD)/man/ccbake-recipe.5
	install -D -m 0644 bake/completions/ccbake.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/ccbake
	cd recipes && find . -type f -name '*.yaml' -exec install -D -m 0644 {} $(DESTDIR)$(PREFIX)/share/ccbake/recipes/{} \;
	cd overlays && find units -type f -exec install -D -m 0644 {} $(DESTDIR)$(PREFIX)/share/ccbake/overlays/{} \;
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/libexec/ccbake $(TOOLS:%=scripts/%)
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/libexec/ccbake scripts/cloud-lib.bash
	for tool in $(TOOLS); do ln -sf ../libexec/ccbake/$$tool $(DESTDIR)$(PREFIX)/bin/ccbake-$$tool; done

uninstall:
	rm -f $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/ccbake-%)
	rm -rf $(DESTDIR)$(PREFIX)/libexec/ccbake
	rm -f $(DESTDIR)$(PREFIX)/bin/ccbake $(DESTDIR)$(PREFIX)/share/man/man1/ccbake.1 \
	    $(DESTDIR)$(PREFIX)/share/man/man5/ccbake-recipe.5 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/ccbake
	rm -rf $(DESTDIR)$(PREFIX)/share/ccbake

clean:
	rm -rf $(BUILD)/obj $(BUILD)/rooms.a $(BUILD)/unit $(BUILD)/asan $(BUILD)/clang $(BUILD)/man $(BUILD)/ccbake
