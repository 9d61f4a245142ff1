# SPDX-License-Identifier: ISC
# How the tests are run. Every program and script speaks TAP; prove counts.

SHELL_TESTS := $(wildcard tests/house/*.t tests/nss/*.t tests/cli/*.t)
# The longest first, or it would keep the others waiting at the end.
E2E_FILES   := $(wildcard tests/e2e/*.t tests/contract/*.t)
E2E_LONG    := $(patsubst %,tests/e2e/%.t,stopped escape watch held-up doctor damage denials setup)
E2E_TESTS   := $(E2E_LONG) $(filter-out $(E2E_LONG),$(E2E_FILES))
# Of these the ordinary run takes a sample (tests/e2e/lib.sh, depth).
SWEPT_TESTS := $(filter $(shell grep -lw 'depth [0-9]*' $(E2E_FILES)),$(E2E_TESTS))
BOOT_TESTS  := $(wildcard tests/boot/*.t)
FUZZERS     := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_SECONDS ?= 10
PROVE := BUILD=$(abspath $(BUILD)) CMOCKA_MESSAGE_OUTPUT=TAP prove --exec tests/tools/keep-tap.sh $(PROVE_FLAGS)

# Calls that fail: programs of tests/fault, in which malloc and its kin, or system calls, are the test's. What of pam_nhi
# they ask is linked in, with what it calls wrapped as well.
FAULTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/fault/*.c))
WRAPPED_fault_alloc := malloc calloc realloc reallocarray strdup realpath getline __getdelim free
WRAPPED_fault_ours := open64 openat64 read __read_chk fstat64 pread64 getpwnam_r getpwuid_r getrlimit64 setrlimit64 realloc \
    pam_set_data pam_get_data
WRAPPED_fault_power := linkat fsync unlinkat
$(FAULTS): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(call obj,$(TLIB_SRC) $(PAM_SRC)) $(CONF) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) $(LDHARD) $(patsubst %,-Wl$(shell echo ,)--wrap=%,$(WRAPPED_$(@F))) -o $@ $< \
	    $(call obj,$(TLIB_SRC) $(PAM_SRC)) $(CONF) $(LIB) $(CORE_LIBS) $(CONF_LIBS) -lcmocka -lpam -ldl -lpthread
tests: $(FAULTS)

# Sources of accounts that do what a test says.
FAKE_NSS := $(patsubst tests/nss/fake/%.c,$(BUILD)/tests/libnss_%.so.2,$(wildcard tests/nss/fake/*.c))
$(FAKE_NSS): $(BUILD)/tests/libnss_%.so.2: $(BUILD)/obj/tests/nss/fake/%.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) -shared $(LDHARD) -Wl,-soname,$(@F) -o $@ $<
tests: $(FAKE_NSS)
UNITS += $(FAULTS)

# A later release, as far as the ledger's tables go: two made-up steps in the place of those of the library.
NEXT := $(BUILD)/tests/next/nhictl
$(NEXT): $(call obj,$(CTL_SRC) $(HOST_SRC) tests/next/schema_steps.c) $(CONF) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) $(LDHARD) -pie -o $@ $^ $(CORE_LIBS) $(CONF_LIBS)
$(BUILD)/tests/unit/test_schema: $(BUILD)/obj/tests/next/schema_steps.o
tests: $(NEXT)

# What the host programs are tried with: a PAM module that answers what a file says, and a command that says it began.
ANSWER := $(BUILD)/tests/contract/pam_answer.so
BEGUN  := $(BUILD)/tests/contract/begun
$(ANSWER): $(BUILD)/obj/tests/contract/pam_answer.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) -shared $(LDHARD) -o $@ $< -lpam
$(BEGUN): $(BUILD)/obj/tests/contract/begun.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDHARD) -static -o $@ $<
# A host that has slept, for whatever is started with it.
SLEPT  := $(BUILD)/tests/e2e/slept.so
$(SLEPT): $(BUILD)/obj/tests/e2e/slept.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) -shared $(LDHARD) -o $@ $<
tools: $(if $(SANITIZE),,$(ANSWER) $(BEGUN) $(SLEPT))

check: tests
	$(PROVE) $(UNITS) $(SHELL_TESTS)

e2e: tests
	$(PROVE) $(E2E_TESTS)

# What that takes a sample of, whole or nearly so.
sweep: tests
	DEPTH=sweep $(PROVE) $(SWEPT_TESTS)

# All of that, and thousands of rounds of what may go wrong once in a thousand: up to an hour. Prints its figures.
torture: tests
	NHI_LAB_ALSO='clients browser disks' packaging/lab.sh hosts env DEPTH=torture $(PROVE) --verbose --timer --jobs 2 \
	    $(wildcard tests/torture/*.t) $(SWEPT_TESTS)

# Needs the network the first time: a root of each release is made, and kept (packaging/boot.sh).
boot:
	$(PROVE) $(BOOT_TESTS)

# A hundred sessions out of which an agent tries to escape.
escape: tests
	NHI_LAB_ALSO=clients ESCAPE_RUNS=25 $(PROVE) --verbose tests/e2e/escape.t

# Ten thousand revocations while eight loops log in.
race: tests
	NHI_LAB_ALSO=clients REVOCATIONS=10000 $(PROVE) --verbose tests/e2e/revoke-race.t

# The unit and module tests only: a sanitized module does not load into a program that is not.
sanitize:
	$(MAKE) BUILD=$(BUILD)/sanitize SANITIZE=address,undefined CFLAGS='-O1 -g' sanitized
sanitized: tests
	DEPTH=sweep $(PROVE) $(UNITS)

# The other compiler's warnings are errors too.
clang:
	$(MAKE) CC=clang BUILD=$(BUILD)/clang all tests benches

leaks: $(CYCLES) $(PAM) $(DECIDE)
	BUILD=$(abspath $(BUILD)) valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect \
	    --error-exitcode=1 $(CYCLES) 200

# What ours is compared with, where the distribution has nothing that does as little.
FLOORS := $(BUILD)/tests/bench/pam_verify.so $(BUILD)/tests/bench/libnss_bare.so.2
$(BUILD)/tests/bench/pam_verify.so: $(BUILD)/obj/tests/bench/module/pam_verify.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) -shared $(LDHARD) -o $@ $< $(shell $(PKG_CONFIG) --libs libsodium) -lpam
$(BUILD)/tests/bench/libnss_bare.so.2: $(BUILD)/obj/tests/bench/module/nss_bare.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDSAN) -shared $(LDHARD) -Wl,-soname,$(@F) -o $@ $<

benches: $(FLOORS)

# BENCH_FLAGS: --json, or names of groups of rows.
bench: benches
	@BUILD=$(BUILD) tests/bench/run.sh $(BENCH_FLAGS)
bench-check: benches
	@BUILD=$(BUILD) tests/bench/check.sh compare
bench-counts: benches
	@BUILD=$(BUILD) tests/bench/check.sh write

# libFuzzer is clang's; the library is built once more with its instrumentation.
$(BUILD)/fuzz/%: tests/fuzz/%.c $(LIB_SRC)
	@mkdir -p $(@D)
	clang $(CSTD) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $< \
	    $(LIB_SRC) $(CORE_LIBS)
fuzz: $(FUZZERS)
	@for f in $(FUZZERS); do mkdir -p $$f.corpus && \
	    tests/vectors/make-corpus.sh $${f##*/} $$f.corpus && \
	    $$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 $$f.corpus || exit 1; done

SHELL_FILES := $(wildcard packaging/*.sh packaging/completion/nhictl tests/*.sh tests/*/*.sh tests/*/*.t) .ci/run
# A file each, so that make -j spreads them.
TIDY := $(addprefix tidy/,$(LIB_SRC) $(PAM_SRC) $(DECIDE_SRC) $(NSS_SRC) $(KEYS_SRC) $(KEYDEC_SRC) $(TRIAL_SRC) $(ASK_SRC) $(CONF_SRC) $(HOST_SRC) $(CTL_SRC))
$(TIDY): tidy/%:
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $* -- $(CSTD)
tidy: $(TIDY)
C_FILES := $(filter-out build/%,$(wildcard */*.[ch] */*/*.[ch] */*/*/*.[ch]))
# As the style stage wants it; versions 14 and 19 agree.
format:
	clang-format -i $(C_FILES)
# What takes no minutes.
style: $(REASONS)
	cppcheck --quiet --std=c11 --language=c -I. --enable=warning,performance,portability \
	    --inline-suppr --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches --error-exitcode=1 \
	    '-DNSS_DECLARE_MODULE_FUNCTIONS(x)=' '-DNHI_OBJECT_LIBRARY="$(SODIUM)"' '-DLIBEXECDIR="$(LIBEXECDIR)"' \
	    libnhi pam_nhi pam_decide nss_nhi sshd_nhi keys_decide pam_trial nss_ask conf hostcfg nhictl
	$(Q)clang-format --dry-run --Werror $(C_FILES)
	printf '%s\n' $(SHELL_FILES) | xargs -P 2 -n 12 shellcheck -x
	mandoc -T lint -W warning $(MANS)

lint: tidy style

.PHONY: check clang e2e sweep torture boot escape race sanitize sanitized leaks bench bench-check bench-counts fuzz format lint tidy style $(TIDY)
