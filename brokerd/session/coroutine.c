/* SPDX-License-Identifier: ISC */
/*
 * See coroutine.h. Below each stack lies memory that cannot be touched, so that one that overflows
 * ends the process. AddressSanitizer is told of each change of stacks.
 */
#include "coroutine.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "proto/log.h"
#include "sanitizer.h"

#ifdef ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

/* Memory is taken as it is used; a key exchange needs some 50 KiB. */
#define STACK_BYTES 524288
#define GUARD_BYTES 65536

/* A stack as AddressSanitizer wants to know it. */
struct stack {
	void *fake;
	const void *bottom;
	size_t size_bytes;
};

enum state { STATE_NEW, STATE_STOPPED, STATE_RUNNING, STATE_ENDED };

struct coroutine {
	enum state state;
	void (*run)(void *arg);
	void *arg;
	char *memory; /* guard, then stack */
	ucontext_t inside, outside;
	struct stack inner, outer;
};

/* --- between stacks ------------------------------------------------------------------------ */

/* from: what is being left; NULL: for good. */
static void begin_switch(struct stack *from, const struct stack *to)
{
#ifdef ADDRESS_SANITIZER
	__sanitizer_start_switch_fiber(
	    from != NULL ? &from->fake : NULL, to->bottom, to->size_bytes);
#else
	(void)from;
	(void)to;
#endif
}

/* to: what has been entered; from, if not NULL, learns where it lies. */
static void end_switch(const struct stack *to, struct stack *from)
{
#ifdef ADDRESS_SANITIZER
	__sanitizer_finish_switch_fiber(
	    to->fake, from != NULL ? &from->bottom : NULL, from != NULL ? &from->size_bytes : NULL);
#else
	(void)to;
	(void)from;
#endif
}

/* makecontext passes nothing wider than an int. */
static struct coroutine *starting;

static void enter(void)
{
	struct coroutine *coroutine = starting;

	end_switch(&coroutine->inner, &coroutine->outer);
	coroutine->run(coroutine->arg);
	coroutine->state = STATE_ENDED;
	begin_switch(NULL, &coroutine->outer);
	/* Returning leads to uc_link. */
}

bool coroutine_resume(struct coroutine *coroutine)
{
	if (coroutine->state != STATE_NEW && coroutine->state != STATE_STOPPED)
		log_fatalx("coroutine: resumed while it runs or after its end");
	if (coroutine->state == STATE_NEW)
		starting = coroutine;
	coroutine->state = STATE_RUNNING;
	begin_switch(&coroutine->outer, &coroutine->inner);
	if (swapcontext(&coroutine->outside, &coroutine->inside) != 0)
		log_fatal("coroutine: swapcontext");
	end_switch(&coroutine->outer, NULL);
	return coroutine->state == STATE_ENDED;
}

void coroutine_yield(struct coroutine *coroutine)
{
	if (coroutine->state != STATE_RUNNING)
		log_fatalx("coroutine: yields from outside");
	coroutine->state = STATE_STOPPED;
	begin_switch(&coroutine->inner, &coroutine->outer);
	if (swapcontext(&coroutine->inside, &coroutine->outside) != 0)
		log_fatal("coroutine: swapcontext");
	end_switch(&coroutine->inner, &coroutine->outer);
}

bool coroutine_is_stopped(const struct coroutine *coroutine)
{
	return coroutine->state == STATE_STOPPED;
}

/* --- life ---------------------------------------------------------------------------------- */

/* Apart, since getcontext might return twice. */
static bool prepare(struct coroutine *coroutine)
{
	ucontext_t *inside = &coroutine->inside;

	if (getcontext(inside) != 0)
		return false;
	inside->uc_stack.ss_sp = coroutine->memory + GUARD_BYTES;
	inside->uc_stack.ss_size = STACK_BYTES;
	inside->uc_link = &coroutine->outside;
	makecontext(inside, enter, 0);
	return true;
}

struct coroutine *coroutine_create(void (*run)(void *arg), void *arg)
{
	struct coroutine *coroutine = calloc(1, sizeof(*coroutine));
	void *memory;

	if (coroutine == NULL)
		return NULL;
	memory = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (memory == MAP_FAILED) {
		free(coroutine);
		return NULL;
	}
	coroutine->memory = memory;
	coroutine->run = run;
	coroutine->arg = arg;
	coroutine->inner.bottom = coroutine->memory + GUARD_BYTES;
	coroutine->inner.size_bytes = STACK_BYTES;
	if (mprotect(memory, GUARD_BYTES, PROT_NONE) != 0 || !prepare(coroutine)) {
		coroutine_destroy(coroutine);
		return NULL;
	}
	return coroutine;
}

void coroutine_destroy(struct coroutine *coroutine)
{
	if (coroutine == NULL)
		return;
	if (coroutine->state == STATE_STOPPED || coroutine->state == STATE_RUNNING)
		log_fatalx("coroutine: destroyed in the middle");
	/* What it held of secrets goes with the pages. */
	munmap(coroutine->memory, GUARD_BYTES + STACK_BYTES);
	free(coroutine);
}
