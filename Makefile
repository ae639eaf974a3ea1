# SPDX-License-Identifier: ISC
# The one makefile. `make help` lists the targets; V=1 shows commands; DEV=1 turns warnings into
# errors; CC=clang works as well; all output goes to $(BUILD).

VERSION := 0.1.0
BUILD   ?= build
PREFIX  ?= /usr/local
CC      ?= cc
NODE    ?= node

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
BROKERD_SRC := $(filter-out brokerd/ctl_%.c,$(wildcard brokerd/*.c))
CTL_SRC     := $(wildcard brokerd/ctl_*.c)
SESSION_SRC := $(wildcard brokerd/session/*.c)

PROTO_LIBS   := libevent_core libcrypto libsystemd
FCGI_LIBS    := yajl
BROKERD_LIBS := libevent libevent_extra libcap inih
CTL_LIBS     :=
SESSION_LIBS := libssh2 libseccomp

pkg_cflags = $(if $(strip $(1)),$(shell pkg-config --cflags $(1)))
pkg_libs   = $(if $(strip $(1)),$(shell pkg-config --libs $(1)))
objects    = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

PROGRAMS := x2goweb-fcgi x2goweb-brokerd x2goweb-session brokerctl
BIN := $(addprefix $(BUILD)/bin/,$(PROGRAMS))

all: $(BIN) ## build everything

$(BUILD)/bin/x2goweb-fcgi: $(call objects,$(FCGI_SRC) $(PROTO_SRC))
$(BUILD)/bin/x2goweb-fcgi: LIBS = -lfcgi $(call pkg_libs,$(PROTO_LIBS) $(FCGI_LIBS)) -lpthread
$(BUILD)/bin/x2goweb-brokerd: $(call objects,$(BROKERD_SRC) $(PROTO_SRC))
$(BUILD)/bin/x2goweb-brokerd: LIBS = $(call pkg_libs,$(PROTO_LIBS) $(BROKERD_LIBS))
$(BUILD)/bin/brokerctl: $(call objects,$(CTL_SRC) $(PROTO_SRC))
$(BUILD)/bin/brokerctl: LIBS = $(call pkg_libs,$(PROTO_LIBS) $(CTL_LIBS))
$(BUILD)/bin/x2goweb-session: $(call objects,$(SESSION_SRC) $(PROTO_SRC))
$(BUILD)/bin/x2goweb-session: LIBS = -lwslay $(call pkg_libs,$(PROTO_LIBS) $(SESSION_LIBS))

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
FORCE:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- unit tests ----------------------------------------------------------------------------

# tests/unit/test_<x>.c links everything of the program that its first line names, as in
# "/* links: proto brokerd */", except that program's main file.
UNIT_SRC  := $(wildcard tests/unit/test_*.c)
UNIT_BIN  := $(patsubst tests/unit/%.c,$(BUILD)/test/%,$(UNIT_SRC))
unit_part = $(strip $(shell sed -n 's|^/\* links: *\(.*\) \*/|\1|p' $(1)))
unit_src  = $(sort $(foreach part,$(call unit_part,$(1)),$(filter-out %_main.c,$($(part)_PART))))
proto_PART   := $(PROTO_SRC)
fcgi_PART    := $(FCGI_SRC)
brokerd_PART := $(BROKERD_SRC)
session_PART := $(SESSION_SRC)
ALL_LIBS = -lfcgi -lwslay $(call pkg_libs,$(PROTO_LIBS) $(FCGI_LIBS) $(BROKERD_LIBS) $(SESSION_LIBS) cmocka) -lpthread

define unit_rule
$(BUILD)/test/$(1): $(BUILD)/obj/tests/unit/$(1).o $(call objects,$(call unit_src,tests/unit/$(1).c))
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	$(Q)$$(CC) $$(LINK_HARDENING) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--as-needed $$(ALL_LIBS)
endef
$(foreach t,$(notdir $(UNIT_BIN)),$(eval $(call unit_rule,$(t))))

unit-c: $(UNIT_BIN)
	@failed=0; for t in $^; do echo "  TEST  $$t"; \
	"$$t" >"$$t.log" 2>&1 || { cat "$$t.log"; failed=1; }; done; exit $$failed
