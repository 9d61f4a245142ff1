# How the tests are run. Every program and script speaks TAP; prove counts.

SHELL_TESTS := $(wildcard tests/house/*.t tests/nss/*.t tests/pam/*.t tests/cli/*.t)
E2E_TESTS   := $(wildcard tests/e2e/*.t)

check: tests
	CMOCKA_MESSAGE_OUTPUT=TAP BUILD=$(abspath $(BUILD)) prove --failures $(UNITS) $(SHELL_TESTS)

e2e: tests
	BUILD=$(abspath $(BUILD)) prove --failures $(E2E_TESTS)

.PHONY: check e2e
