#include "policy/sql/statement_reference.h"

#include <stdio.h>
#include <string.h>

#include "policy/sql/text.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type

const PgQuery__RangeVar *
statement_reference_of(const PgQuery__Node *node)
{
	if (node->node_case != NODE(CONSTRAINT) ||
	    node->constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
		return NULL;
	return node->constraint->pktable;
}

/* The table that the node references, unless it is the one being made. */
static const PgQuery__RangeVar *
reference_to_other(const PgQuery__Node *node, const PgQuery__RangeVar *made)
{
	const PgQuery__RangeVar *range = statement_reference_of(node);

	if (range == NULL || made == NULL ||
	    strcmp(range->relname, made->relname) != 0 ||
	    strcmp(range->schemaname, made->schemaname) != 0)
		return range;
	return NULL;
}

static void
shape_put(struct text *t, const char *value)
{
	text_put_string(t, t->len > 1 ? ",\"" : "\"");
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			text_put(t, '\\');
		text_put(t, *value);
	}
	text_put(t, '"');
}

static void
shape_put_names(struct text *t, PgQuery__Node *const *names, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		shape_put(t, names[i]->string->sval);
}

enum statement_status
statement_reference_shape(char **out, const PgQuery__Constraint *key)
{
	struct text t = {0};
	char count[24];

	(void)snprintf(count, sizeof(count), "%zu", key->n_fk_attrs);
	text_put(&t, '{');
	shape_put(&t, key->deferrable ? "t" : "f");
	shape_put(&t, key->initdeferred ? "t" : "f");
	shape_put(&t, key->fk_upd_action);
	shape_put(&t, key->fk_del_action);
	shape_put(&t, key->fk_matchtype);
	shape_put(&t, count);
	shape_put_names(&t, key->fk_attrs, key->n_fk_attrs);
	shape_put_names(&t, key->pk_attrs, key->n_pk_attrs);
	text_put(&t, '}');
	*out = text_finish(&t);
	return *out != NULL ? STATEMENT_OK : STATEMENT_NO_MEMORY;
}

bool
statement_references(const PgQuery__RangeVar *made, PgQuery__Node *const *nodes,
		     size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const PgQuery__Node *node = nodes[i];

		if (reference_to_other(node, made) != NULL)
			return true;
		if (node->node_case == NODE(COLUMN_DEF) &&
		    statement_references(made, node->column_def->constraints,
					 node->column_def->n_constraints))
			return true;
	}
	return false;
}

static enum statement_status
add_tied(struct statement *out, const PgQuery__RangeVar *range)
{
	enum statement_status status =
	    statement_target_tree(out, range, LOCK_SHARE_ROW_EXCLUSIVE, true);

	if (status == STATEMENT_OK)
		statement_target_tie(out);
	return status;
}

enum statement_status
statement_reference_add(struct statement *out, const PgQuery__RangeVar *made,
			PgQuery__Node *const *nodes, size_t count)
{
	enum statement_status status = STATEMENT_OK;
	size_t i;

	for (i = 0; i < count && status == STATEMENT_OK; i++) {
		const PgQuery__Node *node = nodes[i];
		const PgQuery__RangeVar *range = reference_to_other(node, made);

		/* addFkRecurseReferenced(): its partitions, no children. */
		if (range != NULL)
			status = add_tied(out, range);
		else if (node->node_case == NODE(COLUMN_DEF))
			status = statement_reference_add(
			    out, made, node->column_def->constraints,
			    node->column_def->n_constraints);
	}
	return status;
}
