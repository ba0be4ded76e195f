#include "policy/sql/statement_reference.h"

#include <string.h>

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
			status = statement_target_tree(
			    out, range, LOCK_SHARE_ROW_EXCLUSIVE, true);
		else if (node->node_case == NODE(COLUMN_DEF))
			status = statement_reference_add(
			    out, made, node->column_def->constraints,
			    node->column_def->n_constraints);
	}
	return status;
}
