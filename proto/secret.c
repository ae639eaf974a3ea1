/* SPDX-License-Identifier: ISC */
#include "secret.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void *secret_malloc(size_t size)
{
	return malloc(size != 0 ? size : 1);
}

void secret_free(void *memory)
{
	if (memory == NULL)
		return;
	explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void *secret_realloc(void *old, size_t size)
{
	size_t old_size = old != NULL ? malloc_usable_size(old) : 0;
	void *fresh;

	if (old != NULL && size <= old_size)
		return old;
	fresh = secret_malloc(size);
	if (fresh == NULL)
		return NULL;
	if (old != NULL)
		memcpy(fresh, old, old_size);
	secret_free(old);
	return fresh;
}

/* Deeper than the deepest calls that handle secrets. */
#define STACK_WIPED_BYTES 32768

__attribute__((noinline)) void secret_wipe_stack(void)
{
	char below[STACK_WIPED_BYTES];

	explicit_bzero(below, sizeof(below));
}

bool secret_equal(const void *a, const void *b, size_t length_bytes)
{
	return CRYPTO_memcmp(a, b, length_bytes) == 0;
}

bool secret_forbid_dumps(void)
{
	const struct rlimit none = {0, 0};

	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0;
}
