/*
 * lock_set_params.c - targets -> the query's parameters.
 *
 * They are parallel arrays, one element per target; where a target names two
 * relations, the other one is an element of its own right behind it.
 */
#include "policy/catalog/lock_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/catalog/param_array.h"
#include "policy/sql/text.h"

/* The query's parameters, in its order. */
enum parameter {
	PARAMETER_KIND,
	PARAMETER_SCHEMA,
	PARAMETER_NAME,
	PARAMETER_PART,
	PARAMETER_ONLY,
	PARAMETER_CASCADE,
	PARAMETER_RESTART,
	PARAMETER_MODE,
	PARAMETERS,
};

static_assert((int)PARAMETERS == LOCK_SET_PARAMS, "one array per parameter");

static void
array_add_bool(struct text *a, bool value)
{
	param_array_add(a, value ? "t" : "f");
}

/*
 * Put one argument's type as {schema,type} and tell where it ends; `type` is
 * all that to_regtype() takes: without the database, which it would complain
 * of.
 */
static const char *
put_argument(struct text *types, const char *argument)
{
	struct param_name name = param_array_split(argument);
	const char *end = name.rest + strcspn(name.rest, ",)");
	struct param_piece first =
	    param_array_part(&name, name.count > 1 ? 1 : 0);
	const char *start = first.data != NULL ? first.data - 1 : argument;

	text_put(types, '{');
	param_array_put_piece(types, param_array_part(&name, 1));
	text_put(types, ',');
	param_array_put_piece(
	    types, (struct param_piece){start, (size_t)(end - start), false});
	text_put(types, '}');
	return end;
}

/* Add "(type,type)" as an array literal within the array. */
static void
array_add_arguments(struct text *a, const char *arguments)
{
	struct text types = {0};

	if (arguments == NULL) {
		param_array_add(a, NULL);
		return;
	}
	text_put(&types, '{');
	arguments++;
	while (*arguments != ')' && *arguments != '\0') {
		arguments = put_argument(&types, arguments);
		if (*arguments == ',') {
			text_put(&types, ',');
			arguments++;
		}
	}
	text_put(&types, '}');
	param_array_add_piece(
	    a, (struct param_piece){types.data, types.len, false});
	a->failed |= types.failed;
	text_clear(&types);
}

static const char *
object_name(enum object_kind object)
{
	switch (object) {
	case OBJECT_SCHEMA:
		return "schema";
	case OBJECT_EXTENSION:
		return "extension";
	case OBJECT_SERVER:
		return "server";
	case OBJECT_WRAPPER:
		return "wrapper";
	case OBJECT_LANGUAGE:
		return "language";
	case OBJECT_ACCESS_METHOD:
		return "access_method";
	case OBJECT_TYPE:
		return "type";
	case OBJECT_COLLATION:
		return "collation";
	case OBJECT_STATISTICS:
		return "statistics";
	case OBJECT_TS_CONFIGURATION:
		return "ts_configuration";
	case OBJECT_TS_DICTIONARY:
		return "ts_dictionary";
	case OBJECT_TS_PARSER:
		return "ts_parser";
	case OBJECT_TS_TEMPLATE:
		return "ts_template";
	case OBJECT_OPCLASS:
		return "opclass";
	case OBJECT_OPFAMILY:
		return "opfamily";
	case OBJECT_FUNCTION:
		return "function";
	case OBJECT_OPERATOR:
		return "operator";
	case OBJECT_TRIGGER:
		return "trigger";
	case OBJECT_RULE:
		return "rule";
	case OBJECT_POLICY:
		return "policy";
	case OBJECT_OWNED:
		return "owned";
	}
	abort();
}

/* The query's kind for each condition; NULL: the target's own. */
static const char *const conditions[] = {
    [CONDITION_NONE] = NULL,
    [CONDITION_BEFORE_18] = "tree_before_18",
    [CONDITION_FROM_15] = "partitions_from_15",
    [CONDITION_FROM_17] = "partitions_from_17",
    [CONDITION_FROM_18] = "tree_from_18",
    [CONDITION_CHECK] = "tree_if_check",
    [CONDITION_NULLABLE] = "tree_if_nullable",
    [CONDITION_TRIGGER] = "partitions_if_trigger",
    [CONDITION_USER_TRIGGER] = "partitions_if_user_trigger",
    [CONDITION_NOT_NULL] = "not_null",
    [CONDITION_PLAIN] = "tree_if_plain",
    [CONDITION_DOMAIN_NULLABLE] = "domain_if_nullable",
    [CONDITION_DOMAIN_UNPROVEN] = "domain_if_unproven",
    [CONDITION_OWNER] = "owner_if_other",
    [CONDITION_LOGGED] = "owner_if_logged",
    [CONDITION_UNLOGGED] = "owner_if_unlogged",
};

static const char *
kind_name(const struct target *t)
{
	if (conditions[t->condition] != NULL)
		return conditions[t->condition];
	switch (t->kind) {
	case TARGET_DROP:
		return "drop";
	case TARGET_OBJECT:
		return object_name(t->object);
	case TARGET_COLUMN:
		return "column";
	case TARGET_CONSTRAINT:
		return "constraint";
	case TARGET_DETACH:
		return "detach";
	case TARGET_TRUNCATE:
		return "truncate";
	case TARGET_LOCK:
		return "lock";
	case TARGET_TREE:
		return t->partitions_only ? "partitions" : "tree";
	case TARGET_VALIDATE:
		return "validate";
	case TARGET_ENFORCE:
		return "enforce";
	case TARGET_ATTACH:
		return "attach";
	case TARGET_PARTITION:
		return "partition_of";
	case TARGET_RETYPE:
		return "retype";
	case TARGET_OWNER:
		return "owner";
	case TARGET_IDENTITY:
		return "identity";
	case TARGET_KEY:
		return "key";
	case TARGET_REPLACE:
		return "replace";
	case TARGET_UNDER:
		return "under";
	case TARGET_INDEXED:
		return "indexed";
	case TARGET_NAMED:
		return "named";
	case TARGET_TYPED:
		return "typed";
	case TARGET_DOMAIN:
		return "domain";
	case TARGET_REASSIGN:
		return "reassign";
	case TARGET_PUBLICATION:
		return "publication";
	}
	abort();
}

/* The mode that the statement takes on the relation that the target names. */
static enum lock_mode
target_mode(const struct target *t)
{
	switch (t->kind) {
	case TARGET_LOCK:
	case TARGET_TREE:
	case TARGET_IDENTITY:
	case TARGET_UNDER:
	case TARGET_INDEXED:
	case TARGET_NAMED:
	case TARGET_ENFORCE:
		return t->mode;
	case TARGET_VALIDATE:
	case TARGET_ATTACH:
		return LOCK_SHARE_UPDATE_EXCLUSIVE;
	case TARGET_KEY:
		return LOCK_SHARE_ROW_EXCLUSIVE;
	case TARGET_OBJECT:
	case TARGET_DOMAIN:
	case TARGET_REASSIGN:
	case TARGET_PUBLICATION:
		return LOCK_NONE; /* on what it is a part of: if it exists */
	case TARGET_DROP:
	case TARGET_COLUMN:
	case TARGET_CONSTRAINT:
	case TARGET_DETACH:
	case TARGET_TRUNCATE:
	case TARGET_PARTITION:
	case TARGET_RETYPE:
	case TARGET_OWNER:
	case TARGET_REPLACE:
	case TARGET_TYPED:
		return LOCK_ACCESS_EXCLUSIVE;
	}
	abort();
}

static void
params_add_flags(struct text arrays[PARAMETERS], const struct target *t)
{
	array_add_bool(&arrays[PARAMETER_ONLY], t->only);
	array_add_bool(&arrays[PARAMETER_CASCADE], t->cascade);
	array_add_bool(&arrays[PARAMETER_RESTART], t->restart_identity);
}

static void
params_add_name(struct text arrays[PARAMETERS], const char *text)
{
	struct param_name name = param_array_split(text);

	param_array_add_piece(&arrays[PARAMETER_SCHEMA],
			      param_array_part(&name, 1));
	param_array_add_piece(&arrays[PARAMETER_NAME],
			      param_array_part(&name, 0));
}

/* Add what is no relation: the query takes a mode for the sign of one. */
static void
params_add_object(struct text arrays[PARAMETERS], const struct target *t)
{
	struct param_name name = param_array_split(t->relation);
	struct param_piece none = {NULL, 0, false};

	param_array_add(&arrays[PARAMETER_MODE], NULL);
	if (t->object == OBJECT_OPERATOR) {
		param_array_add_piece(&arrays[PARAMETER_SCHEMA],
				      param_array_part(&name, 0));
		param_array_add(&arrays[PARAMETER_NAME], name.rest);
	} else if (*name.rest != '\0') { /* current_user, an array type */
		param_array_add_piece(&arrays[PARAMETER_SCHEMA], none);
		param_array_add_piece(&arrays[PARAMETER_NAME], none);
	} else {
		params_add_name(arrays, t->relation);
	}
	if (t->object == OBJECT_OPERATOR || t->object == OBJECT_FUNCTION)
		array_add_arguments(&arrays[PARAMETER_PART], t->part);
	else
		param_array_add(&arrays[PARAMETER_PART],
				t->part != NULL ? t->part : name.rest);
}

static void
params_add_target(struct text arrays[PARAMETERS], const struct target *t)
{
	bool has_pair = target_names_pair(t);

	param_array_add(&arrays[PARAMETER_KIND], kind_name(t));
	params_add_flags(arrays, t);
	if (!target_names_relation(t)) {
		params_add_object(arrays, t);
		return;
	}
	params_add_name(arrays, t->relation);
	param_array_add_number(&arrays[PARAMETER_MODE], (int)target_mode(t));
	param_array_add(&arrays[PARAMETER_PART], has_pair ? NULL : t->part);
	if (!has_pair)
		return;
	param_array_add(&arrays[PARAMETER_KIND], "other");
	params_add_flags(arrays, t);
	params_add_name(arrays, t->part);
	param_array_add_number(&arrays[PARAMETER_MODE], (int)LOCK_NONE);
	param_array_add(&arrays[PARAMETER_PART], t->shape);
}

bool
lock_set_params(char *params[LOCK_SET_PARAMS],
		const struct statement *statements, size_t count)
{
	struct text arrays[PARAMETERS] = {0};

	param_arrays_begin(arrays, PARAMETERS);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < statements[i].target_count; j++)
			params_add_target(arrays, &statements[i].targets[j]);
	return param_arrays_finish(params, arrays, PARAMETERS);
}
