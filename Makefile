# SPDX-License-Identifier: ISC
# nhi: PAM and NSS modules for agent identities, and nhictl.
# One file, not recursive. `make help` lists the targets.

PREFIX  ?= /usr
DESTDIR ?=
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR  ?= $(PREFIX)/lib$(if $(MULTIARCH),/$(MULTIARCH))
PAMDIR  ?= $(LIBDIR)/security
NSSDIR  ?= $(LIBDIR)
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec
MANDIR  ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/vendor-completions
BUILD   ?= build
# One spelling of it, or the dependencies of one make would mean nothing to the next.
override BUILD := $(abspath $(BUILD))
PKG_CONFIG ?= pkg-config

# The library that the deciders need, by its whole name.
SODIUM := $(LIBDIR)/$(shell readelf -d $$($(PKG_CONFIG) --variable=libdir libsodium)/libsodium.so | \
             sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')

CSTD  := -std=c11 -DLIBEXECDIR='"$(LIBEXECDIR)"' -DNHI_OBJECT_LIBRARY='"$(SODIUM)"' -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I.
WARN  := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
         -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef \
         -Wformat=2 -Wswitch-enum -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough \
         -Werror
HARD  := -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections -fstack-protector-strong -fno-common \
         $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
LDHARD := -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,--as-needed
CFLAGS ?= -O2 -g
ALLCFLAGS := $(CSTD) $(WARN) $(HARD) $(CFLAGS)

# make SANITIZE=address,undefined BUILD=build/asan check
ifneq ($(SANITIZE),)
ALLCFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDSAN := -fsanitize=$(SANITIZE)
endif

# A login opens no database: what decides is linked without one. pam_nhi and the helper of sshd need none of these: they
# load what decides for agents alone.
HOST_PKGS := libsodium
CORE_PKGS := $(HOST_PKGS) jansson sqlite3
HOST_LIBS := $(shell $(PKG_CONFIG) --libs $(HOST_PKGS))
CORE_LIBS := $(shell $(PKG_CONFIG) --libs $(CORE_PKGS))
CONF_LIBS := $(shell $(PKG_CONFIG) --libs libconfig)

# libnhi is one static library; what a module does not call is not linked into it. What reads configuration is another.
LIB_SRC  := $(wildcard libnhi/*/*.c)
CONF_SRC := $(wildcard conf/*.c)
HOST_SRC := $(wildcard hostcfg/*.c)
PAM_SRC  := $(wildcard pam_nhi/*.c)
DECIDE_SRC := $(wildcard pam_decide/*.c)
NSS_SRC  := $(wildcard nss_nhi/*.c)
KEYS_SRC := $(wildcard sshd_nhi/*.c)
KEYDEC_SRC := $(wildcard keys_decide/*.c)
TRIAL_SRC := $(wildcard pam_trial/*.c)
ASK_SRC  := $(wildcard nss_ask/*.c)
CTL_SRC  := $(wildcard nhictl/*/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
TLIB_SRC := $(wildcard tests/lib/*.c)
TOOL_SRC := $(wildcard tests/tools/*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB   := $(BUILD)/libnhi.a
CONF  := $(BUILD)/libconf.a
PAM   := $(BUILD)/pam_nhi.so
PAMLIB := $(BUILD)/libpam_nhi.a
DECIDE := $(BUILD)/nhi-decide.so
NSS   := $(BUILD)/libnss_nhi.so.2
KEYS  := $(BUILD)/nhi-authorized-keys
KEYDEC := $(BUILD)/nhi-decide-keys.so
TRIAL := $(BUILD)/nhi-pam-trial
ASK   := $(BUILD)/nhi-nss-ask
CTL   := $(BUILD)/nhictl
UNITS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(UNIT_SRC))
TOOLS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TOOL_SRC))
BENCHES := $(patsubst tests/%.c,$(BUILD)/tests/%,$(BENCH_SRC))
CYCLES := $(BUILD)/tests/bench/cycles
WITH_LIB := $(CYCLES) $(BUILD)/tests/bench/state_change
UNITS_OF_SYSTEMD := $(wildcard packaging/*.service packaging/*.timer)
REASONS := $(BUILD)/nhi-reasons.7
MANS  := $(wildcard pam_nhi/*.8 nss_nhi/*.8 sshd_nhi/*.8 nhictl/*.[578] nhictl/*/*.8) $(REASONS)

# What is done in short; `make V=1` shows each command.
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '%-4s %s\n' '$(1)' '$@')

all: $(PAM) $(DECIDE) $(NSS) $(KEYS) $(KEYDEC) $(TRIAL) $(ASK) $(CTL) $(REASONS)

help:
	@echo 'make            build the modules, the helper of sshd and nhictl under $(BUILD)/'
	@echo 'make check      unit, module, NSS and command-line tests'
	@echo 'make e2e        real sshd, sudo, su and cron in a private copy of this machine (root)'
	@echo 'make boot       the same on Debian 12 and 13 booted with systemd (root, mmdebstrap)'
	@echo 'make sweep      all of that of which e2e takes a sample (root)'
	@echo 'make torture    thousands of rounds of what may go wrong once in a thousand: an hour (root)'
	@echo 'make escape     an agent tries to outlive its session, a hundred times (root)'
	@echo 'make race       nobody gets in behind a revocation, ten thousand of them (root)'
	@echo 'make sanitize   the unit and module tests under ASan and UBSan'
	@echo 'make clang      everything once more with the other compiler'
	@echo 'make leaks      200 PAM cycles under valgrind'
	@echo 'make fuzz       ten seconds of libFuzzer on each parser (clang)'
	@echo 'make bench      speed and memory, as ratios: five minutes (root)'
	@echo 'make bench-check   instructions and system calls, compared with tests/bench/counts (root)'
	@echo 'make bench-counts  writes that file anew'
	@echo 'make lint       cppcheck, clang-tidy, shellcheck, mandoc, house rules'
	@echo 'make install    DESTDIR=, PREFIX=, PAMDIR=, NSSDIR=, SBINDIR=, LIBEXECDIR=, MANDIR=, UNITDIR=,'
	@echo '                TMPFILESDIR=, BASHCOMPDIR=, ZSHCOMPDIR='
	@echo 'make clean'

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(call obj,$(LIB_SRC))
$(CONF): $(call obj,$(CONF_SRC))
$(PAMLIB): $(call obj,$(filter-out pam_nhi/pam_nhi.c,$(PAM_SRC)))
$(LIB) $(CONF) $(PAMLIB):
	@rm -f $@
	@mkdir -p $(@D)
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

$(PAM): $(call obj,pam_nhi/pam_nhi.c) $(PAMLIB) $(LIB) pam_nhi/pam_nhi.map
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) -shared $(LDHARD) -Wl,--version-script=pam_nhi/pam_nhi.map \
	    $(if $(SANITIZE),,-Wl,-z,defs) -o $@ $(filter %.o %.a,$^) -lpam -ldl

# Their libraries are looked for in the system's directory first: DT_RPATH, unlike DT_RUNPATH, comes before
# LD_LIBRARY_PATH.
$(DECIDE): $(call obj,$(DECIDE_SRC)) $(PAMLIB) $(LIB) pam_decide/pam_decide.map
$(DECIDE): DECIDE_LIBS := -lpam
$(KEYDEC): $(call obj,$(KEYDEC_SRC)) $(LIB) keys_decide/keys_decide.map
$(DECIDE) $(KEYDEC):
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) -shared $(LDHARD) -Wl,--version-script=$(filter %.map,$^) \
	    -Wl,--disable-new-dtags,-rpath,$(LIBDIR) \
	    $(if $(SANITIZE),,-Wl,-z,defs) -o $@ $(filter %.o %.a,$^) $(HOST_LIBS) $(DECIDE_LIBS)

$(NSS): $(call obj,$(NSS_SRC)) $(LIB) nss_nhi/nss_nhi.map
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) -shared $(LDHARD) -Wl,--version-script=nss_nhi/nss_nhi.map \
	    -Wl,-soname,libnss_nhi.so.2 $(if $(SANITIZE),,-Wl,-z,defs) \
	    -o $@ $(call obj,$(NSS_SRC)) $(LIB)

$(KEYS): $(call obj,$(KEYS_SRC)) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) $(LDHARD) -pie -o $@ $(call obj,$(KEYS_SRC)) $(LIB) -ldl

$(TRIAL): $(call obj,$(TRIAL_SRC))
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) $(LDHARD) -pie -o $@ $^ -lpam

$(ASK): $(call obj,$(ASK_SRC)) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) $(LDHARD) -pie -o $@ $(call obj,$(ASK_SRC)) $(LIB) -ldl

$(CTL): $(call obj,$(CTL_SRC) $(HOST_SRC)) $(CONF) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) $(LDHARD) -pie -o $@ $^ $(CORE_LIBS) $(CONF_LIBS)

# The one page of the manual that is not in the tree: its entries come from the list of reasons.
$(REASONS): nhictl/nhi-reasons.7.in libnhi/policy/reason_list.h packaging/reasons.awk
	@mkdir -p $(@D)
	$(call say,MAN)
	$(Q)awk -f packaging/reasons.awk libnhi/policy/reason_list.h nhictl/nhi-reasons.7.in >$@.new && mv $@.new $@

# Test programs: one source file each, over the library and what tests share, and what of nhictl is decided over facts
# alone.
$(BUILD)/tests/unit/test_leftover: $(BUILD)/obj/nhictl/leftover/leftover_judge.o
$(BUILD)/tests/unit/test_words: $(BUILD)/obj/nhictl/say/words.o
$(BUILD)/tests/unit/test_nearest: $(BUILD)/obj/nhictl/say/nearest.o
$(BUILD)/tests/unit/test_shadow: $(BUILD)/obj/nhictl/policy/shadow.o
$(UNITS) $(WITH_LIB): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(call obj,$(TLIB_SRC)) $(CONF) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) $(LDHARD) -o $@ $(filter %.o,$^) $(CONF) $(LIB) $(CORE_LIBS) \
	    $(CONF_LIBS) -lcmocka -lpam -ldl -lpthread

$(TOOLS) $(filter-out $(WITH_LIB),$(BENCHES)): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) $(LDHARD) -o $@ $< -lpam -ldl -lpthread

tools: $(TOOLS)
tests: all $(UNITS) tools
benches: all $(BENCHES)

include tests/tests.mk

install: all
	install -D -m 0644 $(PAM) $(DESTDIR)$(PAMDIR)/pam_nhi.so
	install -D -m 0644 $(DECIDE) $(DESTDIR)$(LIBEXECDIR)/nhi-decide.so
	install -D -m 0644 $(NSS) $(DESTDIR)$(NSSDIR)/libnss_nhi.so.2
	install -D -m 0644 $(KEYDEC) $(DESTDIR)$(LIBEXECDIR)/nhi-decide-keys.so
	install -D -m 0755 $(KEYS) $(DESTDIR)$(LIBEXECDIR)/nhi-authorized-keys
	install -D -m 0755 $(TRIAL) $(DESTDIR)$(LIBEXECDIR)/nhi-pam-trial
	install -D -m 0755 $(ASK) $(DESTDIR)$(LIBEXECDIR)/nhi-nss-ask
	install -D -m 0755 $(CTL) $(DESTDIR)$(SBINDIR)/nhictl
	# Or every look-up of an account would look for it in a dozen directories first.
	$(if $(DESTDIR),,ldconfig)
	install -d $(DESTDIR)$(UNITDIR)
	for u in $(UNITS_OF_SYSTEMD); do sed 's|@SBINDIR@|$(SBINDIR)|' $$u >$(DESTDIR)$(UNITDIR)/$${u##*/} && \
	    chmod 0644 $(DESTDIR)$(UNITDIR)/$${u##*/} || exit 1; done
	install -D -m 0644 packaging/nhi.tmpfiles $(DESTDIR)$(TMPFILESDIR)/nhi.conf
	install -D -m 0644 packaging/completion/nhictl $(DESTDIR)$(BASHCOMPDIR)/nhictl
	install -D -m 0644 packaging/completion/_nhictl $(DESTDIR)$(ZSHCOMPDIR)/_nhictl
	ln -sf $(SBINDIR)/nhictl $(DESTDIR)$(LIBEXECDIR)/nhi-askpass
	for m in $(MANS); do install -D -m 0644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} || exit 1; done

clean:
	rm -rf $(BUILD)

.PHONY: all help tools tests benches install clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
