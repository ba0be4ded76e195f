#include "policy/catalog/glance.h"

#include <string.h>

#include "policy/catalog/catalog_sql.h"
#include "policy/catalog/param_array.h"

#define GLANCE(part)                                                           \
	CATALOG_SQL_GLANCE_COLUMNS "\n" part "\n" CATALOG_SQL_GLANCE_END

enum glance_kind
glance_kind_of(const struct statement *statements, size_t count)
{
	enum glance_kind kind = GLANCE_PLAINLY;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < statements[i].target_count; j++) {
			const struct target *t = &statements[i].targets[j];

			if (t->kind != TARGET_TRUNCATE)
				continue;
			if (t->cascade)
				return GLANCE_CASCADES;
			kind = GLANCE_TRUNCATES;
		}
	}
	return kind;
}

const char *
glance_query(enum glance_kind kind)
{
	switch (kind) {
	case GLANCE_TRUNCATES:
		return GLANCE(CATALOG_SQL_GLANCE_TRUNCATES);
	case GLANCE_CASCADES:
		return GLANCE(CATALOG_SQL_GLANCE_CASCADES);
	case GLANCE_PLAINLY:
		break;
	}
	return GLANCE("");
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

			if (t->kind != TARGET_TRUNCATE)
				continue;
			param_array_add_schema(&arrays[0], t->relation);
			param_array_add_relation(&arrays[1], t->relation);
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
	       row_copy(out->lock_timeout, sizeof(out->lock_timeout),
			values[GLANCE_LOCK_TIMEOUT]);
}
