#include "policy/catalog/glance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/catalog/catalog_sql.h"
#include "policy/catalog/param_array.h"

enum {
	/* Far above what the planner reckons for a question that goes along. */
	QUESTION_COST_MAX = 10000,
};

/* The texts are longer than the 4,095 bytes that C compilers must take. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* The facts about the names, where the statements are plain. */
#define PLAINLY CATALOG_SQL_GLANCE_NAMES "\n" CATALOG_SQL_GLANCE_TAIL
#define TRUNCATES                                                              \
	CATALOG_SQL_GLANCE_NAMES "\n" CATALOG_SQL_GLANCE_TRUNCATES             \
				 "\n" CATALOG_SQL_GLANCE_TAIL
#define CASCADES PLAINLY "\n" CATALOG_SQL_GLANCE_CASCADES
#define GLANCE(names)                                                          \
	CATALOG_SQL_GLANCE_COLUMNS "\nAND " names "\n" CATALOG_SQL_GLANCE_END
#define NAMES(names)                                                           \
	"SELECT CASE WHEN " names "\nTHEN 0 ELSE " CATALOG_SQL_GLANCE_FAILS    \
	"\nEND AS names"

static const char *const queries[] = {
    [GLANCE_PLAINLY] = GLANCE(PLAINLY),
    [GLANCE_TRUNCATES] = GLANCE(TRUNCATES),
    [GLANCE_CASCADES] = GLANCE(CASCADES),
};
static const char *const names_queries[] = {
    [GLANCE_PLAINLY] = NAMES(PLAINLY),
    [GLANCE_TRUNCATES] = NAMES(TRUNCATES),
    [GLANCE_CASCADES] = NAMES(CASCADES),
};

#pragma GCC diagnostic pop

enum glance_kind
glance_kind_of(const struct statement *statements, size_t count)
{
	size_t truncated = 0;
	size_t others = 0;
	bool is_known = true;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < statements[i].target_count; j++) {
			const struct target *t = &statements[i].targets[j];
			bool is_truncated = t->kind == TARGET_TRUNCATE;

			truncated += is_truncated;
			others += !is_truncated;
			is_known &= !t->cascade;
		}
	}
	if (truncated == 0)
		return GLANCE_PLAINLY;
	return is_known && others == 0 ? GLANCE_TRUNCATES : GLANCE_CASCADES;
}

const char *
glance_query(enum glance_kind kind)
{
	return queries[kind];
}

const char *
glance_names_query(enum glance_kind kind)
{
	return names_queries[kind];
}

bool
glance_asks_names(const struct glance *g, enum glance_kind kind)
{
	return !g->is_flat || kind != GLANCE_PLAINLY;
}

bool
glance_is_compiled(const struct glance *g)
{
	double cost = strtod(g->jit_above_cost, NULL);

	return cost >= 0 && cost < QUESTION_COST_MAX;
}

void
glance_print_before(char out[GLANCE_BEFORE_MAX], const struct glance *g)
{
	snprintf(out, GLANCE_BEFORE_MAX, "%s %s %s off 0 %c", g->lock_timeout,
		 g->deadlock_timeout, g->jit_above_cost,
		 g->is_flat ? 't' : 'f');
}

static void
params_name(struct text arrays[GLANCE_PARAMS], const char *relation)
{
	param_array_add_schema(&arrays[0], relation);
	param_array_add_relation(&arrays[1], relation);
}

bool
glance_params(char *params[GLANCE_PARAMS], const struct statement *statements,
	      size_t count)
{
	struct text arrays[GLANCE_PARAMS] = {0};

	param_arrays_begin(arrays, GLANCE_PARAMS);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < statements[i].target_count; j++) {
			const struct target *t = &statements[i].targets[j];

			if (target_names_relation(t))
				params_name(arrays, t->relation);
			if (target_names_pair(t))
				params_name(arrays, t->part);
		}
	}
	return param_arrays_finish(params, arrays, GLANCE_PARAMS);
}

bool
glance_read(struct glance *out, const struct row_value values[GLANCE_COLUMNS])
{
	memset(out, 0, sizeof(*out));
	out->is_plain = row_equals(values[GLANCE_IS_PLAIN], "t");
	out->is_flat = row_equals(values[GLANCE_IS_FLAT], "t");
	out->wants_warnings = !row_equals(values[GLANCE_MIN_MESSAGES], "error");
	return row_read_duration(&out->deadlock_timeout_ms,
				 values[GLANCE_DEADLOCK_TIMEOUT]) &&
	       row_copy(out->deadlock_timeout, sizeof(out->deadlock_timeout),
			values[GLANCE_DEADLOCK_TIMEOUT]) &&
	       row_copy(out->jit_above_cost, sizeof(out->jit_above_cost),
			values[GLANCE_JIT_ABOVE_COST]) &&
	       row_copy(out->lock_timeout, sizeof(out->lock_timeout),
			values[GLANCE_LOCK_TIMEOUT]);
}
