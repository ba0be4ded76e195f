#include "tests/support/allocation.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static struct {
	bool armed;
	bool failed;
	unsigned succeed;
} plan;

static bool
plan_fails(void)
{
	if (!plan.armed)
		return false;
	if (plan.succeed > 0) {
		plan.succeed--;
		return false;
	}
	plan.failed = true;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return plan_fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return plan_fails() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return plan_fails() ? NULL : __real_realloc(old, size);
}

void
allocation_fail_after(unsigned succeed)
{
	plan.armed = true;
	plan.failed = false;
	plan.succeed = succeed;
}

bool
allocation_restore(void)
{
	bool failed = plan.failed;

	plan.armed = false;
	plan.failed = false;
	return failed;
}
