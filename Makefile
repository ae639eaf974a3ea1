# SPDX-License-Identifier: ISC
# The one makefile. `make help` lists the targets; V=1 shows commands; DEV=1 turns warnings into
# errors; CC=clang works as well; all output goes to $(BUILD).

VERSION := 0.1.0
BUILD   ?= build
PREFIX  ?= /usr/local
CC      ?= cc
NODE    ?= node
# When node_modules, which is one for all builds of this tree, was last filled.
NPM_STAMP ?= $(BUILD)/npm

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
Q := $(if $(V),,@)
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# --- flags ---------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wundef \
	-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wvla \
	-Wwrite-strings -Wimplicit-fallthrough $(if $(DEV),-Werror)
HARDENING := -fstack-protector-strong -fstack-clash-protection -fPIE -D_FORTIFY_SOURCE=2
LINK_HARDENING := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifdef SANITIZE
HARDENING := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LINK_HARDENING := -fsanitize=address,undefined
endif

CFLAGS ?= -O2 -g
ALL_CPPFLAGS = -D_GNU_SOURCE -DX2GOWEB_VERSION='"$(VERSION)"' -I. $(CPPFLAGS)
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARNINGS) $(HARDENING) -MMD -MP

# --- programs ------------------------------------------------------------------------------

# What each program links: its own folder, proto/, and the libraries it uses.
PROTO_SRC   := $(wildcard proto/*.c)
FCGI_SRC    := $(wildcard fcgi/*.c)
BROKERD_SRC := $(wildcard brokerd/*.c)
CONFIG_SRC  := $(addprefix brokerd/,compat_options.c config.c config_check.c config_keys.c \
	config_values.c network.c)
# brokerctl reads the configuration and edits known hosts itself, without the broker.
CTL_SRC     := $(wildcard brokerd/ctl/*.c) $(CONFIG_SRC) $(addprefix brokerd/,knownhosts.c \
	knownhosts_edit.c knownhosts_line.c)
SESSION_SRC := $(wildcard brokerd/session/*.c)
TLS_SRC     := $(wildcard tls/*.c) $(CONFIG_SRC)

PROTO_LIBS   := libevent_core libcrypto libsystemd
FCGI_LIBS    := yajl libseccomp
BROKERD_LIBS := libevent libevent_extra libcap inih
CTL_LIBS     := inih libssh2 libcurl
SESSION_LIBS := libssh2 libseccomp libcap
TLS_LIBS     := libevent libevent_openssl libssl inih

pkg_cflags = $(if $(strip $(1)),$(shell pkg-config --cflags $(1)))
pkg_libs   = $(if $(strip $(1)),$(shell pkg-config --libs $(1)))
objects    = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

PROGRAMS := x2goweb-fcgi x2goweb-brokerd x2goweb-session x2goweb-tls brokerctl
BIN := $(addprefix $(BUILD)/bin/,$(PROGRAMS))

all: $(BIN) $(BUILD)/www/index.html ## build everything

$(BUILD)/bin/x2goweb-fcgi: $(call objects,$(FCGI_SRC) $(PROTO_SRC))
$(BUILD)/bin/x2goweb-fcgi: LIBS = -lfcgi $(call pkg_libs,$(PROTO_LIBS) $(FCGI_LIBS)) -lpthread
$(BUILD)/bin/x2goweb-brokerd: $(call objects,$(BROKERD_SRC) $(PROTO_SRC))
$(BUILD)/bin/x2goweb-brokerd: LIBS = $(call pkg_libs,$(PROTO_LIBS) $(BROKERD_LIBS))
$(BUILD)/obj/brokerd/brokerd_main.o: $(BUILD)/prefix
$(BUILD)/obj/brokerd/brokerd_main.o: CPPFLAGS += -DX2GOWEB_SESSION='"$(PREFIX)/lib/x2goweb/x2goweb-session"'
$(BUILD)/bin/brokerctl: $(call objects,$(CTL_SRC) $(PROTO_SRC))
$(BUILD)/bin/brokerctl: LIBS = $(call pkg_libs,$(PROTO_LIBS) $(CTL_LIBS))
$(BUILD)/bin/x2goweb-session: $(call objects,$(SESSION_SRC) $(PROTO_SRC))
$(BUILD)/bin/x2goweb-session: LIBS = -lwslay $(call pkg_libs,$(PROTO_LIBS) $(SESSION_LIBS))
$(BUILD)/bin/x2goweb-tls: $(call objects,$(TLS_SRC) $(PROTO_SRC))
$(BUILD)/bin/x2goweb-tls: LIBS = $(call pkg_libs,$(PROTO_LIBS) $(TLS_LIBS))

$(BIN):
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LINK_HARDENING) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS)

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# Other flags rebuild everything.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(LINK_HARDENING))' | cmp -s - $@ || \
	printf '%s\n' '$(subst ','\'',$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(LINK_HARDENING))' >$@
$(BUILD)/prefix: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(PREFIX)' | cmp -s - $@ || printf '%s\n' '$(PREFIX)' >$@
FORCE:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- unit tests ----------------------------------------------------------------------------

# tests/unit/test_<x>.c links everything of the program that its first line names, as in
# "/* links: proto brokerd */", except that program's main file; or the single files that it names,
# where a stand-in takes the place of another file's functions.
UNIT_SRC  := $(wildcard tests/unit/test_*.c)
UNIT_BIN  := $(patsubst tests/unit/%.c,$(BUILD)/test/%,$(UNIT_SRC))
unit_part = $(strip $(shell sed -n 's|^/\* links: *\(.*\) \*/|\1|p' $(1)))
unit_src  = $(sort $(foreach part,$(call unit_part,$(1)),\
	$(if $(filter %.c,$(part)),$(part),$(filter-out %_main.c,$($(part)_PART)))))
proto_PART   := $(PROTO_SRC)
fcgi_PART    := $(FCGI_SRC)
brokerd_PART := $(BROKERD_SRC)
session_PART := $(SESSION_SRC)
ctl_PART     := $(CTL_SRC)
ALL_LIBS = -lfcgi -lwslay $(call pkg_libs,$(PROTO_LIBS) $(FCGI_LIBS) $(BROKERD_LIBS) $(SESSION_LIBS) $(CTL_LIBS) $(TLS_LIBS) cmocka) -lpthread

define unit_rule
$(BUILD)/test/$(1): $(BUILD)/obj/tests/unit/$(1).o $(call objects,$(call unit_src,tests/unit/$(1).c))
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	$(Q)$$(CC) $$(LINK_HARDENING) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--as-needed $$(ALL_LIBS)
endef
$(foreach t,$(notdir $(UNIT_BIN)),$(eval $(call unit_rule,$(t))))

unit-c: $(UNIT_BIN)
	@tests/unit/run.sh $^

# --- fuzzing -------------------------------------------------------------------------------

# tests/fuzz/fuzz_<x>.c names what it links as unit tests do. Built by clang with libFuzzer.
FUZZ_SECONDS ?= 60
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))
FUZZ_FLAGS = -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -g -O1

FUZZ_SHARED := $(filter-out tests/fuzz/fuzz_% tests/unit/test_%,$(wildcard tests/fuzz/*.[ch] tests/unit/*.[ch]))

$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_SHARED) $(PROTO_SRC) $(FCGI_SRC) $(BROKERD_SRC) $(SESSION_SRC)
	@mkdir -p $(@D)
	@echo "  FUZZ  $@"
	$(Q)clang $(ALL_CPPFLAGS) -std=gnu11 $(FUZZ_FLAGS) -o $@ $< $(call unit_src,$<) -Wl,--as-needed $(ALL_LIBS)

fuzz: $(FUZZ_BIN) ## run each fuzzer for FUZZ_SECONDS
	@for f in $^; do name=$${f##*/}; mkdir -p $(BUILD)/fuzz/corpus/$$name tests/fuzz/corpus/$$name; \
	echo "  FUZZ  $$name for $(FUZZ_SECONDS) s"; \
	$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -artifact_prefix=$(BUILD)/fuzz/ \
	$(BUILD)/fuzz/corpus/$$name tests/fuzz/corpus/$$name >$$f.log 2>&1 || { tail -30 $$f.log; exit 1; }; \
	grep -E 'stat::number_of_executed_units' $$f.log; done

sanitize: ## unit tests with address and undefined sanitizers
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitize SANITIZE=1 unit-c

# --- browser client ------------------------------------------------------------------------

WWW_SRC := $(shell find www -type f)

$(BUILD)/www/index.html: $(WWW_SRC) | $(NPM_STAMP)
	@echo "  WWW   $(BUILD)/www"
	$(Q)$(NODE) www/build.mjs $(BUILD)/www

# --- what is needed ------------------------------------------------------------------------

# Debian packages, valid on 12 and 13. Grouped by who needs them.
DEPS_BUILD := gcc clang make pkg-config libc6-dev libfcgi-dev libevent-dev libssh2-1-dev libyajl-dev \
	libcap-dev libseccomp-dev libsystemd-dev libssl-dev libwslay-dev libinih-dev libcmocka-dev \
	libcurl4-openssl-dev
DEPS_DEMO  := nginx openssl mmdebstrap debian-archive-keyring util-linux mount openssh-client iproute2
DEPS_TEST  := dpkg-dev openssh-server chromium fonts-dejavu-core clang-format shellcheck git \
	xvfb xdotool x11-xkb-utils x11proto-dev xclip python3-paramiko mandoc \
	apache2-bin fcgiwrap haproxy lighttpd lighttpd-mod-openssl media-types
# What the relay is measured against.
DEPS_BENCH := websockify
# Node.js may come from elsewhere than Debian, with its own npm inside.
DEPS_NODE  := $(if $(shell command -v node),,nodejs) $(if $(shell command -v npm),,npm)
DEPS_DEB   := debhelper lintian
DEPS := $(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST) $(DEPS_BENCH) $(DEPS_NODE) $(DEPS_DEB)

deps: ## install every Debian and npm package that build, demo and tests need
	$(SUDO) tests/deps.sh $(DEPS)
	@rm -f $(NPM_STAMP)
	$(Q)$(MAKE) --no-print-directory $(NPM_STAMP)

deps-if-missing:
	@if dpkg-query -W -f='$${db:Status-Abbrev}\n' $(DEPS) 2>&1 | grep -qv '^ii'; then \
	echo 'some packages are missing: make deps'; $(MAKE) --no-print-directory deps; fi

$(NPM_STAMP): package.json package-lock.json
	@mkdir -p $(@D)
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# --- the bench's own programs ----------------------------------------------------------------

BENCH_BIN := $(patsubst tests/bench/relay/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/relay/bench_*.c))
BENCH_LIBS = $(call pkg_libs,libssh2 openssl) -lm

bench-programs: $(BENCH_BIN)

$(BUILD)/bench/bench_client: $(call objects,$(wildcard tests/bench/relay/client_*.c) \
	brokerd/session/kdrive_frames.c)
$(BENCH_BIN): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/relay/%.o
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LINK_HARDENING) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(BENCH_LIBS)

# --- tests, demo, bench --------------------------------------------------------------------

E2E ?= $(sort $(wildcard tests/e2e/*.test.mjs))
NIGHTLY ?= $(sort $(wildcard tests/nightly/*.test.mjs))
NODE_TEST = $(NODE) --test --test-reporter=spec --test-concurrency=1
# Those that need no other program than a browser do not get in each other's way.
NODE_UNIT = $(NODE) --test --test-reporter=spec --test-concurrency=2

check: deps-if-missing ## everything that CI runs: lint, unit and end-to-end tests
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(MAKE) --no-print-directory lint
	$(Q)$(MAKE) --no-print-directory check-unit
	$(Q)$(MAKE) --no-print-directory check-e2e

check-unit: unit-c $(NPM_STAMP) ## unit tests
	$(Q)BUILD=$(abspath $(BUILD)) $(NODE_UNIT) $(sort $(wildcard tests/unit/js/*.test.js))

check-e2e: all ## end-to-end tests against a real X2Go server, web server and browser
	$(Q)$(SUDO) env BUILD=$(abspath $(BUILD)) tests/x2gohost/selfcheck.sh
	$(Q)$(SUDO) env BUILD=$(abspath $(BUILD)) PATH="$$PATH" $(NODE_TEST) $(E2E)

demo: deps-if-missing ## the whole gateway in the foreground, until Ctrl-C
	$(Q)$(MAKE) --no-print-directory all
	@exec $(SUDO) env BUILD=$(abspath $(BUILD)) PATH="$$PATH" $(if $(DEMO_PORT),DEMO_PORT=$(DEMO_PORT)) \
	$(if $(DEMO_SSH_PORT),DEMO_SSH_PORT=$(DEMO_SSH_PORT)) $(NODE) tests/e2e/demo.mjs

bench: deps-if-missing ## measure, side by side with what a user would pick instead; BENCH= names parts
	$(Q)$(MAKE) --no-print-directory all bench-programs
	$(Q)$(SUDO) env BUILD=$(abspath $(BUILD)) PATH="$$PATH" BENCH="$(BENCH)" BENCH_RUNS="$(BENCH_RUNS)" \
	BENCH_QUICK="$(BENCH_QUICK)" BENCH_KEEP="$(BENCH_KEEP)" $(NODE) tests/bench/bench.mjs

bench-quick: deps-if-missing ## the relay's figures in under two minutes, less exact
	$(Q)$(MAKE) --no-print-directory bench BENCH=relay BENCH_QUICK=1

bench-docs: ## write the relay's figures of the last make bench to docs/bench.md
	$(Q)BUILD=$(abspath $(BUILD)) $(NODE) tests/bench/document.mjs docs/bench.md

screenshots: deps-if-missing all ## pictures of every state of the page
	$(Q)OUT=$(abspath $(BUILD))/screenshots $(NODE) tests/e2e/screenshots.mjs

# --- lint ----------------------------------------------------------------------------------

C_FILES := $(wildcard proto/*.[ch] fcgi/*.[ch] tls/*.[ch] brokerd/*.[ch] brokerd/ctl/*.[ch] \
	brokerd/session/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] tests/bench/relay/*.[ch])
JS_FILES := www tests/unit/js tests/e2e tests/nightly tests/container/*.mjs tests/bench tests/x2gohost/*.mjs
# The C format is that of clang-format 14 (Debian 12); others differ in details.
CLANG_FORMAT := $(firstword $(shell command -v clang-format-14) clang-format)
FORMAT_OK := $(shell $(CLANG_FORMAT) --version 2>/dev/null | grep -o 'version 14\.')

lint: $(NPM_STAMP) ## formatting, types, shell scripts, manual pages, rules of the layout
	@echo "  LINT  C"
	$(Q)$(if $(FORMAT_OK),$(CLANG_FORMAT) --dry-run -Werror $(C_FILES),echo "        no clang-format 14: format not checked")
	$(Q)tests/lint/layout.sh
	$(Q)tests/lint/man.sh
	@echo "  LINT  shell"
	$(Q)shellcheck -x $$(git ls-files '*.sh' .ci/run packaging/bash-completion tests/x2gohost \
	packaging/x2goweb-web 'packaging/debian/x2goweb.p*' tests/container/container | grep -vE '\.(md|mjs|cfg)$$|recipe/(packages|users)$$')
	@echo "  LINT  JavaScript"
	$(Q)npx prettier --log-level warn --check $(wildcard $(JS_FILES)) '*.json'
	$(Q)npx tsc -p .

format: $(NPM_STAMP) ## format all sources in place
	$(CLANG_FORMAT) -i $(C_FILES)
	npx prettier --log-level warn --write $(wildcard $(JS_FILES)) '*.json'

# --- install -------------------------------------------------------------------------------

SHARE      := $(PREFIX)/share/x2goweb
DOC        := $(PREFIX)/share/doc/x2goweb
CONFIG     := /etc/x2goweb
UNITDIR    ?= $(PREFIX)/lib/systemd/system
MAN_PAGES  := $(wildcard packaging/man/*.[1-8])
# Files of packaging/ name programs and page by the paths of PREFIX=/usr.
INSTALL_TEXT = sed 's|/usr/share/x2goweb|$(SHARE)|g; s|/usr/lib/x2goweb|$(PREFIX)/lib/x2goweb|g; \
	s|/usr/sbin/|$(PREFIX)/sbin/|g'

# What web servers include, as CONFIG/SERVER*.conf.
WEB_CONF := $(wildcard packaging/nginx/*.conf packaging/apache/*.conf packaging/lighttpd/*.conf)
web_conf_name = $(subst /,-,$(patsubst packaging/%,%,$(subst /x2goweb.conf,.conf,$(1))))

install: all ## install under DESTDIR and PREFIX
	install -d $(addprefix $(DESTDIR),$(PREFIX)/sbin $(PREFIX)/lib/x2goweb $(SHARE) $(UNITDIR) \
	$(addprefix $(PREFIX)/lib/,sysusers.d tmpfiles.d systemd/catalog) $(CONFIG))
	install -m 755 $(BUILD)/bin/x2goweb-brokerd $(BUILD)/bin/brokerctl $(DESTDIR)$(PREFIX)/sbin/
	install -m 755 $(BUILD)/bin/x2goweb-fcgi $(BUILD)/bin/x2goweb-session $(BUILD)/bin/x2goweb-tls $(DESTDIR)$(PREFIX)/lib/x2goweb/
	cp -r --no-preserve=ownership $(BUILD)/www $(DESTDIR)$(SHARE)/
	install -m 644 packaging/sysusers.d/* $(DESTDIR)$(PREFIX)/lib/sysusers.d/
	install -m 644 packaging/tmpfiles.d/* $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/
	install -D -m 644 -t $(DESTDIR)$(DOC) docs/*.md ARCHITECTURE.md
	@# There all of them are in one folder.
	sed -i 's|](\.\./|](|' $(DESTDIR)$(DOC)/*.md
	install -D -m 644 packaging/haproxy/x2goweb.cfg $(DESTDIR)$(DOC)/examples/haproxy.cfg
	set -e; for page in $(MAN_PAGES); do \
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page; done
	set -e; for unit in $(notdir $(wildcard packaging/systemd/*)); do \
	$(INSTALL_TEXT) packaging/systemd/$$unit >$(DESTDIR)$(UNITDIR)/$$unit; done
	install -m 644 packaging/journal/*.catalog $(DESTDIR)$(PREFIX)/lib/systemd/catalog/
	install -D -m 644 packaging/bash-completion/brokerctl \
	$(DESTDIR)$(PREFIX)/share/bash-completion/completions/brokerctl
	$(INSTALL_TEXT) packaging/x2goweb-web >$(DESTDIR)$(PREFIX)/sbin/x2goweb-web
	chmod 755 $(DESTDIR)$(PREFIX)/sbin/x2goweb-web
	@# What the admin has changed stays.
	set -e; $(foreach f,$(WEB_CONF),$(INSTALL_TEXT) $(f) >$(DESTDIR)$(SHARE)/$(call web_conf_name,$(f));) \
	cp packaging/x2goweb.conf $(DESTDIR)$(SHARE)/
	set -e; for f in x2goweb.conf $(call web_conf_name,$(WEB_CONF)); do \
	test -e $(DESTDIR)$(CONFIG)/$$f || \
	install -m 644 $(DESTDIR)$(SHARE)/$$f $(DESTDIR)$(CONFIG)/$$f; done

# The tree that the packages are built from, the page in it built already: so that needs neither
# Node.js nor the network.
DEB_TREE = $(BUILD)/deb/$(1)/x2goweb-$(VERSION)
DEB_SOURCES := ARCHITECTURE.md LICENSE Makefile package.json package-lock.json brokerd docs fcgi packaging proto tls www
define deb_tree
	rm -rf $(BUILD)/deb/$(1) && mkdir -p $(call DEB_TREE,$(1))/build
	cp -rp $(DEB_SOURCES) $(call DEB_TREE,$(1))/
	mv $(call DEB_TREE,$(1))/packaging/debian $(call DEB_TREE,$(1))/debian
	cp -rp $(BUILD)/www $(call DEB_TREE,$(1))/build/
	touch $(call DEB_TREE,$(1))/build/npm
endef

deb: deps-if-missing ## the Debian package for this release, in BUILD
	$(Q)$(MAKE) --no-print-directory $(BUILD)/www/index.html
	$(call deb_tree,own)
	packaging/build-deb.sh $(call DEB_TREE,own)
	cp $(BUILD)/deb/own/x2goweb_*.deb $(BUILD)/

OTHER_RELEASES = $(filter-out $(shell . /etc/os-release && echo $$VERSION_CODENAME),bookworm trixie)
debs: deb $(addprefix deb-,$(OTHER_RELEASES)) ## the packages for Debian 12 and 13, each built on its own release

deb-bookworm deb-trixie: deb-%: deb
	$(call deb_tree,$*)
	$(SUDO) env BUILD=$(abspath $(BUILD)) tests/container/container build-in $* \
	$(abspath $(BUILD)/deb/$*) x2goweb-$(VERSION)/packaging/build-deb.sh x2goweb-$(VERSION)
	cp $(BUILD)/deb/$*/x2goweb_*.deb $(BUILD)/

check-nightly: all debs ## what needs minutes: both Debian releases under systemd, many streams, fuzzers
	$(Q)$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=2
	$(Q)$(SUDO) env BUILD=$(abspath $(BUILD)) PATH="$$PATH" $(NODE_TEST) $(NIGHTLY)

clean: ## remove build/, ending what still runs from it
	$(Q)! test -d $(BUILD)/x2gohost || $(SUDO) env BUILD=$(abspath $(BUILD)) tests/x2gohost/x2gohost down --all
	$(Q)! test -d $(BUILD)/container || $(SUDO) env BUILD=$(abspath $(BUILD)) tests/container/container down --all
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

.PHONY: all unit-c fuzz sanitize deps deps-if-missing deb debs deb-bookworm deb-trixie check check-nightly check-unit check-e2e demo bench \
	bench-quick bench-docs bench-programs screenshots lint format install clean help FORCE
