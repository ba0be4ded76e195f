#include "policy/sql/statement_name.h"

#include "policy/sql/text.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type
#define ROLE(type) PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_##type

enum {
	PARTS_MAX = 3, /* database, schema, relation */
};

/* A name that grows; what went wrong first is sticky. */
struct name {
	struct text text;
	enum statement_status status;
};

static void
name_fail(struct name *n, enum statement_status status)
{
	if (n->status == STATEMENT_OK)
		n->status = status;
}

static void
name_put(struct name *n, char c)
{
	if (n->status != STATEMENT_OK)
		return;
	text_put(&n->text, c);
	if (n->text.failed)
		name_fail(n, STATEMENT_NO_MEMORY);
}

static void
name_put_text(struct name *n, const char *text)
{
	for (; *text != '\0'; text++)
		name_put(n, *text);
}

static void
name_put_part(struct name *n, const char *part)
{
	name_put(n, '"');
	for (; *part != '\0'; part++) {
		if (*part == '"')
			name_put(n, '"');
		name_put(n, *part);
	}
	name_put(n, '"');
}

static enum statement_status
name_finish(struct name *n, char **out)
{
	*out = NULL;
	if (n->status == STATEMENT_OK) {
		*out = text_finish(&n->text);
		if (*out == NULL)
			n->status = STATEMENT_NO_MEMORY;
	}
	text_clear(&n->text);
	return n->status;
}

/* The string of a node, borrowed.  NULL: the node is something else. */
static const char *
string_of(const PgQuery__Node *node)
{
	return node->node_case == NODE(STRING) ? node->string->sval : NULL;
}

/* Put each part with a dot behind it if `with_dot`, else dots between them. */
static void
name_put_list(struct name *n, PgQuery__Node *const *parts, size_t count,
	      bool with_dot)
{
	size_t i;

	if (count > PARTS_MAX)
		name_fail(n, STATEMENT_UNPARSED);
	for (i = 0; i < count && n->status == STATEMENT_OK; i++) {
		const char *part = string_of(parts[i]);

		if (part == NULL) {
			name_fail(n, STATEMENT_UNPARSED);
			return;
		}
		name_put_part(n, part);
		if (with_dot || i + 1 < count)
			name_put(n, '.');
	}
}

static void
name_put_type(struct name *n, const PgQuery__TypeName *type)
{
	/* to_regtype() and its like know neither. */
	if (type->setof || type->pct_type || type->n_names == 0)
		name_fail(n, STATEMENT_UNPARSED);
	name_put_list(n, type->names, type->n_names, false);
	if (type->n_array_bounds > 0)
		name_put_text(n, "[]");
}

enum statement_status
statement_name_bare(char **out, const char *name)
{
	struct name n = {.status = STATEMENT_OK};

	name_put_text(&n, name);
	return name_finish(&n, out);
}

enum statement_status
statement_name_part(char **out, const char *name)
{
	struct name n = {.status = STATEMENT_OK};

	name_put_part(&n, name);
	return name_finish(&n, out);
}

enum statement_status
statement_name_range(char **out, const PgQuery__RangeVar *range)
{
	const char *above[] = {range->catalogname, range->schemaname};
	struct name n = {.status = STATEMENT_OK};
	size_t i;

	for (i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
		if (above[i][0] == '\0')
			continue;
		name_put_part(&n, above[i]);
		name_put(&n, '.');
	}
	name_put_part(&n, range->relname);
	return name_finish(&n, out);
}

enum statement_status
statement_name_list(char **out, PgQuery__Node *const *parts, size_t count)
{
	struct name n = {.status = STATEMENT_OK};

	if (count == 0)
		name_fail(&n, STATEMENT_UNPARSED);
	name_put_list(&n, parts, count, false);
	return name_finish(&n, out);
}

enum statement_status
statement_name_type(char **out, const PgQuery__TypeName *type)
{
	struct name n = {.status = STATEMENT_OK};

	name_put_type(&n, type);
	return name_finish(&n, out);
}

enum statement_status
statement_name_operator(char **out, const PgQuery__ObjectWithArgs *object)
{
	size_t last = object->n_objname;
	struct name n = {.status = STATEMENT_OK};
	const char *symbol = NULL;

	if (last > 0)
		symbol = string_of(object->objname[--last]);
	name_put_list(&n, object->objname, last, true);
	if (symbol == NULL)
		name_fail(&n, STATEMENT_UNPARSED);
	else
		name_put_text(&n, symbol);
	return name_finish(&n, out);
}

enum statement_status
statement_name_arguments(char **out, const PgQuery__ObjectWithArgs *object)
{
	struct name n = {.status = STATEMENT_OK};
	size_t i;

	name_put(&n, '(');
	for (i = 0; i < object->n_objargs; i++) {
		const PgQuery__Node *arg = object->objargs[i];

		if (i > 0)
			name_put(&n, ',');
		/* An operator lacks this argument. */
		if (arg->node_case == NODE(_NOT_SET))
			name_put_text(&n, "NONE");
		else if (arg->node_case == NODE(TYPE_NAME))
			name_put_type(&n, arg->type_name);
		else
			name_fail(&n, STATEMENT_UNPARSED);
	}
	name_put(&n, ')');
	return name_finish(&n, out);
}

enum statement_status
statement_name_role(char **out, const PgQuery__RoleSpec *role)
{
	struct name n = {.status = STATEMENT_OK};

	switch (role->roletype) {
	case ROLE(CSTRING):
		name_put_part(&n, role->rolename);
		break;
	case ROLE(CURRENT_ROLE):
	case ROLE(CURRENT_USER):
		name_put_text(&n, "current_user");
		break;
	case ROLE(SESSION_USER):
		name_put_text(&n, "session_user");
		break;
	default: /* PUBLIC owns nothing */
		name_fail(&n, STATEMENT_UNPARSED);
		break;
	}
	return name_finish(&n, out);
}
