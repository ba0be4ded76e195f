#include "policy/catalog/glance.h"

#include <string.h>

#include "policy/catalog/catalog_sql.h"
#include "policy/catalog/param_array.h"

/* The texts are longer than the 4,095 bytes that C compilers must take. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"

#define PLAINLY                                                                \
	CATALOG_SQL_GLANCE_COLUMNS "\n" CATALOG_SQL_GLANCE_TAIL                \
				   "\n" CATALOG_SQL_GLANCE_END
#define TRUNCATES                                                              \
	CATALOG_SQL_GLANCE_COLUMNS "\n" CATALOG_SQL_GLANCE_TRUNCATES           \
				   "\n" CATALOG_SQL_GLANCE_TAIL                \
				   "\n" CATALOG_SQL_GLANCE_END
#define CASCADES                                                               \
	CATALOG_SQL_GLANCE_COLUMNS "\n" CATALOG_SQL_GLANCE_TAIL                \
				   "\n" CATALOG_SQL_GLANCE_CASCADES            \
				   "\n" CATALOG_SQL_GLANCE_END
#define AGAIN(query)                                                           \
	CATALOG_SQL_GLANCE_AGAIN "\n" query "\n" CATALOG_SQL_GLANCE_AGAIN_END

static const char *const queries[] = {
    [GLANCE_PLAINLY] = PLAINLY,
    [GLANCE_TRUNCATES] = TRUNCATES,
    [GLANCE_CASCADES] = CASCADES,
};
static const char *const again[] = {
    [GLANCE_PLAINLY] = AGAIN(PLAINLY),
    [GLANCE_TRUNCATES] = AGAIN(TRUNCATES),
    [GLANCE_CASCADES] = AGAIN(CASCADES),
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
glance_again_query(enum glance_kind kind)
{
	return again[kind];
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
	out->wants_warnings = !row_equals(values[GLANCE_MIN_MESSAGES], "error");
	return row_read_duration(&out->deadlock_timeout_ms,
				 values[GLANCE_DEADLOCK_TIMEOUT]) &&
	       row_copy(out->deadlock_timeout, sizeof(out->deadlock_timeout),
			values[GLANCE_DEADLOCK_TIMEOUT]) &&
	       row_copy(out->lock_timeout, sizeof(out->lock_timeout),
			values[GLANCE_LOCK_TIMEOUT]);
}
