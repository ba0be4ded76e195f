/*
 * statement_tree.c - what a syntax tree says of locks and transactions.
 *
 * One reader per node type, in a table; statement_target.h tells what a reader
 * does.
 */
#include "policy/sql/statement_tree.h"

#include "policy/sql/statement_alter.h"
#include "policy/sql/statement_brief.h"
#include "policy/sql/statement_create.h"
#include "policy/sql/statement_do.h"
#include "policy/sql/statement_drop.h"
#include "policy/sql/statement_lock.h"
#include "policy/sql/statement_object.h"
#include "policy/sql/statement_parse.h"
#include "policy/sql/statement_target.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type

static enum statement_status
read_transaction(struct statement *out, const PgQuery__Node *node,
		 enum guard_scope asked)
{
	const PgQuery__TransactionStmt *stmt = node->transaction_stmt;

	(void)asked;
	switch (stmt->kind) {
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
		out->control = STATEMENT_BEGIN;
		break;
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
		out->control =
		    stmt->chain ? STATEMENT_END_CHAIN : STATEMENT_END;
		break;
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE:
		out->control = STATEMENT_END;
		break;
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
		out->control = STATEMENT_SAVEPOINT;
		break;
	default: /* COMMIT PREPARED and its like: never in a block */
		break;
	}
	return STATEMENT_OK;
}

static const struct {
	PgQuery__Node__NodeCase node_case;
	statement_reader *read;
} readers[] = {
    {NODE(TRANSACTION_STMT), read_transaction},
    {NODE(DROP_STMT), statement_drop_read},
    {NODE(DROP_OWNED_STMT), statement_drop_read_owned},
    {NODE(TRUNCATE_STMT), statement_drop_read_truncate},
    {NODE(ALTER_TABLE_STMT), statement_alter_read},
    {NODE(ALTER_TABLE_MOVE_ALL_STMT), statement_alter_read_move_all},
    {NODE(RENAME_STMT), statement_alter_read_rename},
    {NODE(ALTER_OBJECT_SCHEMA_STMT), statement_alter_read_set_schema},
    {NODE(ALTER_SEQ_STMT), statement_object_read_sequence},
    {NODE(ALTER_POLICY_STMT), statement_object_read_policy},
    {NODE(ALTER_DOMAIN_STMT), statement_object_read_domain},
    {NODE(ALTER_OBJECT_DEPENDS_STMT), statement_object_read_depends},
    {NODE(ALTER_EXTENSION_STMT), statement_object_read_update},
    {NODE(ALTER_EXTENSION_CONTENTS_STMT), statement_object_read_contents},
    {NODE(CREATE_PUBLICATION_STMT), statement_object_read_publication},
    {NODE(ALTER_PUBLICATION_STMT), statement_object_read_published},
    {NODE(REASSIGN_OWNED_STMT), statement_object_read_reassign},
    {NODE(COMMENT_STMT), statement_lock_read_comment},
    {NODE(LOCK_STMT), statement_lock_read_table},
    {NODE(CLUSTER_STMT), statement_lock_read_cluster},
    {NODE(REINDEX_STMT), statement_lock_read_reindex},
    {NODE(VACUUM_STMT), statement_lock_read_analyze},
    {NODE(CREATE_STMT), statement_create_read_table},
    {NODE(CREATE_FOREIGN_TABLE_STMT), statement_create_read_foreign_table},
    {NODE(CREATE_SCHEMA_STMT), statement_create_read_schema},
    {NODE(INDEX_STMT), statement_create_read_index},
    {NODE(CREATE_TRIG_STMT), statement_create_read_trigger},
    {NODE(RULE_STMT), statement_create_read_rule},
    {NODE(CREATE_POLICY_STMT), statement_create_read_policy},
    {NODE(CREATE_STATS_STMT), statement_create_read_statistics},
    {NODE(VIEW_STMT), statement_create_read_view},
    {NODE(REFRESH_MAT_VIEW_STMT), statement_create_read_refresh},
    {NODE(DO_STMT), statement_do_read},
};

static enum statement_status
read_node(struct statement *out, const PgQuery__Node *node,
	  enum guard_scope asked)
{
	size_t i;

	for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (readers[i].node_case == node->node_case)
			return readers[i].read(out, node, asked);
	return STATEMENT_OK;
}

/* A statement that is read, and the scope asked for. */
struct reading {
	struct statement *out;
	enum guard_scope asked;
};

/* A plan knows all targets of a statement, or there is none. */
static enum statement_status
read_whole(const PgQuery__Node *node, void *arg)
{
	const struct reading *r = arg;
	size_t count = r->out->target_count;
	enum statement_status status = read_node(r->out, node, r->asked);

	if (status == STATEMENT_UNPARSED) {
		statement_target_keep(r->out, count);
		status = STATEMENT_OK;
	}
	r->out->has_plan = r->out->target_count > 0;
	r->out->is_brief = r->out->has_plan && statement_is_brief(r->out, node);
	return status;
}

enum statement_status
statement_tree_read(struct statement *out, struct statement_text text,
		    enum guard_scope scope)
{
	struct reading r = {out, scope};

	return statement_parse(text, read_whole, &r);
}
