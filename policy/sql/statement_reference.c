#include "policy/sql/statement_reference.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type

const PgQuery__RangeVar *
statement_reference_of(const PgQuery__Node *node)
{
	if (node->node_case != NODE(CONSTRAINT) ||
	    node->constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
		return NULL;
	return node->constraint->pktable;
}

bool
statement_references(PgQuery__Node *const *nodes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const PgQuery__Node *node = nodes[i];

		if (statement_reference_of(node) != NULL)
			return true;
		if (node->node_case == NODE(COLUMN_DEF) &&
		    statement_references(node->column_def->constraints,
					 node->column_def->n_constraints))
			return true;
	}
	return false;
}

enum statement_status
statement_reference_add(struct statement *out, PgQuery__Node *const *nodes,
			size_t count)
{
	enum statement_status status = STATEMENT_OK;
	size_t i;

	for (i = 0; i < count && status == STATEMENT_OK; i++) {
		const PgQuery__Node *node = nodes[i];
		const PgQuery__RangeVar *range = statement_reference_of(node);

		/* addFkRecurseReferenced(): its partitions, no children. */
		if (range != NULL)
			status = statement_target_tree(
			    out, range, LOCK_SHARE_ROW_EXCLUSIVE, true);
		else if (node->node_case == NODE(COLUMN_DEF))
			status = statement_reference_add(
			    out, node->column_def->constraints,
			    node->column_def->n_constraints);
	}
	return status;
}
