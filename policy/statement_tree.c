/*
 * statement_tree.c - what a syntax tree says of locks and transactions.
 *
 * One reader per node type, in a table at the end.  A reader first claims the
 * statement (scope and tag), and only then names targets: a statement outside
 * the scope asked for leaves no trace.
 *
 * Strings of the tree are never NULL: what the grammar left out is "".
 */
#include "policy/statement_tree.h"

#include <stdlib.h>
#include <string.h>

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#define NODE(type) PG_QUERY__NODE__NODE_##type
#define OBJECT(type) PG_QUERY__OBJECT_TYPE__OBJECT_##type
#define CLAUSE(type) PG_QUERY__ALTER_TABLE_TYPE__AT_##type
#define CASCADE PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE

enum { NAME_PARTS_MAX = 3 }; /* database, schema, relation */

struct name {
	const char *parts[NAME_PARTS_MAX];
	size_t count;
};

/*
 * CommandComplete's tags.  No DROP: dropping it locks no relation, or is
 * about an object that all databases share.  No ALTER: as little.
 */
static const struct {
	const char *drop;
	const char *alter;
	bool is_relation; /* a DROP names what to_regclass() finds */
} objects[] = {
    [OBJECT(ACCESS_METHOD)] = {"DROP ACCESS METHOD", NULL, false},
    [OBJECT(AGGREGATE)] = {"DROP AGGREGATE", NULL, false},
    [OBJECT(ATTRIBUTE)] = {NULL, "ALTER TYPE", false},
    [OBJECT(CAST)] = {"DROP CAST", NULL, false},
    [OBJECT(COLLATION)] = {"DROP COLLATION", NULL, false},
    [OBJECT(DOMAIN)] = {"DROP DOMAIN", NULL, false},
    [OBJECT(EXTENSION)] = {"DROP EXTENSION", NULL, false},
    [OBJECT(FDW)] = {"DROP FOREIGN DATA WRAPPER", NULL, false},
    [OBJECT(FOREIGN_SERVER)] = {"DROP SERVER", NULL, false},
    [OBJECT(FOREIGN_TABLE)] = {"DROP FOREIGN TABLE", "ALTER FOREIGN TABLE",
			       true},
    [OBJECT(FUNCTION)] = {"DROP FUNCTION", NULL, false},
    [OBJECT(INDEX)] = {"DROP INDEX", "ALTER INDEX", true},
    [OBJECT(LANGUAGE)] = {"DROP LANGUAGE", NULL, false},
    [OBJECT(MATVIEW)] = {"DROP MATERIALIZED VIEW", "ALTER MATERIALIZED VIEW",
			 true},
    [OBJECT(OPCLASS)] = {"DROP OPERATOR CLASS", NULL, false},
    [OBJECT(OPERATOR)] = {"DROP OPERATOR", NULL, false},
    [OBJECT(OPFAMILY)] = {"DROP OPERATOR FAMILY", NULL, false},
    [OBJECT(POLICY)] = {"DROP POLICY", "ALTER POLICY", false},
    [OBJECT(PROCEDURE)] = {"DROP PROCEDURE", NULL, false},
    [OBJECT(ROUTINE)] = {"DROP ROUTINE", NULL, false},
    [OBJECT(RULE)] = {"DROP RULE", "ALTER RULE", false},
    [OBJECT(SCHEMA)] = {"DROP SCHEMA", NULL, false},
    [OBJECT(SEQUENCE)] = {"DROP SEQUENCE", "ALTER SEQUENCE", true},
    [OBJECT(STATISTIC_EXT)] = {"DROP STATISTICS", NULL, false},
    [OBJECT(TABCONSTRAINT)] = {NULL, "ALTER TABLE", false},
    [OBJECT(TABLE)] = {"DROP TABLE", "ALTER TABLE", true},
    [OBJECT(TRANSFORM)] = {"DROP TRANSFORM", NULL, false},
    [OBJECT(TRIGGER)] = {"DROP TRIGGER", "ALTER TRIGGER", false},
    [OBJECT(TSCONFIGURATION)] = {"DROP TEXT SEARCH CONFIGURATION", NULL, false},
    [OBJECT(TSDICTIONARY)] = {"DROP TEXT SEARCH DICTIONARY", NULL, false},
    [OBJECT(TSPARSER)] = {"DROP TEXT SEARCH PARSER", NULL, false},
    [OBJECT(TSTEMPLATE)] = {"DROP TEXT SEARCH TEMPLATE", NULL, false},
    [OBJECT(TYPE)] = {"DROP TYPE", "ALTER TYPE", false},
    [OBJECT(VIEW)] = {"DROP VIEW", "ALTER VIEW", true},
};

enum { OBJECT_COUNT = sizeof(objects) / sizeof(objects[0]) };

static const char *
alter_tag(PgQuery__ObjectType type)
{
	return (size_t)type < OBJECT_COUNT ? objects[type].alter : NULL;
}

/* False: `asked` does not guard what `least` is the least scope for. */
static bool
claim(struct statement *out, enum guard_scope asked, enum guard_scope least,
      const char *tag)
{
	if (tag == NULL || asked < least)
		return false;
	out->scope = least;
	out->tag = tag;
	return true;
}

static struct name
name_of_range(const PgQuery__RangeVar *range)
{
	const char *parts[] = {range->catalogname, range->schemaname,
			       range->relname};
	struct name name = {.count = 0};
	size_t i;

	for (i = 0; i < NAME_PARTS_MAX; i++)
		if (parts[i][0] != '\0')
			name.parts[name.count++] = parts[i];
	return name;
}

/* False for what the server refuses too: too many dots. */
static bool
name_of_list(struct name *out, const PgQuery__Node *node)
{
	size_t i;

	out->count = 0;
	if (node->node_case != NODE(LIST) || node->list->n_items == 0 ||
	    node->list->n_items > NAME_PARTS_MAX)
		return false;
	for (i = 0; i < node->list->n_items; i++) {
		const PgQuery__Node *item = node->list->items[i];

		if (item->node_case != NODE(STRING))
			return false;
		out->parts[out->count++] = item->string->sval;
	}
	return true;
}

static char *
quote_part(char *to, const char *part)
{
	*to++ = '"';
	for (; *part != '\0'; part++) {
		if (*part == '"')
			*to++ = '"';
		*to++ = *part;
	}
	*to++ = '"';
	return to;
}

static char *
name_quote(const struct name *name)
{
	size_t size = 0;
	size_t i;
	char *quoted;
	char *to;

	/* At worst all of it doubles; two quotes and a dot or the NUL. */
	for (i = 0; i < name->count; i++)
		size += 2 * strlen(name->parts[i]) + 3;
	quoted = to = calloc(1, size);
	if (quoted == NULL)
		return NULL;
	for (i = 0; i < name->count; i++) {
		if (i > 0)
			*to++ = '.';
		to = quote_part(to, name->parts[i]);
	}
	return quoted;
}

static char *
name_copy(const char *name)
{
	size_t size = strlen(name) + 1;
	char *copy = calloc(1, size);

	return copy == NULL ? NULL : memcpy(copy, name, size);
}

/* Room for one more: the targets fill a power of two, then it doubles. */
static bool
target_reserve(struct statement *out)
{
	size_t count = out->target_count;
	struct target *grown;

	if ((count & (count - 1)) != 0)
		return true;
	grown = realloc(out->targets,
			(count == 0 ? 1 : 2 * count) * sizeof(*grown));
	if (grown == NULL)
		return false;
	out->targets = grown;
	return true;
}

/* NULL: out of memory.  The rest of the new target is the caller's to set. */
static struct target *
target_add(struct statement *out, enum target_kind kind,
	   const struct name *relation)
{
	struct target *target;

	if (!target_reserve(out))
		return NULL;
	target = &out->targets[out->target_count];
	*target = (struct target){.kind = kind};
	target->relation = name_quote(relation);
	if (target->relation == NULL)
		return NULL;
	out->target_count++;
	return target;
}

static enum statement_status
target_add_range(struct statement *out, enum target_kind kind,
		 const PgQuery__RangeVar *range, enum lock_mode mode)
{
	struct name name = name_of_range(range);
	struct target *target = target_add(out, kind, &name);

	if (target == NULL)
		return STATEMENT_NO_MEMORY;
	target->only = !range->inh;
	target->mode = mode;
	return STATEMENT_OK;
}

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
	default: /* of prepared transactions: never in a block */
		break;
	}
	return STATEMENT_OK;
}

static enum statement_status
read_drop(struct statement *out, const PgQuery__Node *node,
	  enum guard_scope asked)
{
	const PgQuery__DropStmt *stmt = node->drop_stmt;
	struct name name;
	size_t i;

	if (stmt->concurrent || (size_t)stmt->remove_type >= OBJECT_COUNT ||
	    !claim(out, asked, GUARD_SCOPE_DROPS,
		   objects[stmt->remove_type].drop) ||
	    !objects[stmt->remove_type].is_relation)
		return STATEMENT_OK;
	for (i = 0; i < stmt->n_objects; i++)
		if (!name_of_list(&name, stmt->objects[i]))
			return STATEMENT_OK;

	for (i = 0; i < stmt->n_objects; i++) {
		struct target *target;

		name_of_list(&name, stmt->objects[i]);
		target = target_add(out, TARGET_DROP, &name);
		if (target == NULL)
			return STATEMENT_NO_MEMORY;
		target->cascade = stmt->behavior == CASCADE;
	}
	out->has_plan = true;
	return STATEMENT_OK;
}

static enum statement_status
read_drop_owned(struct statement *out, const PgQuery__Node *node,
		enum guard_scope asked)
{
	(void)node;
	claim(out, asked, GUARD_SCOPE_DROPS, "DROP OWNED");
	return STATEMENT_OK;
}

static enum statement_status
read_truncate(struct statement *out, const PgQuery__Node *node,
	      enum guard_scope asked)
{
	const PgQuery__TruncateStmt *stmt = node->truncate_stmt;
	size_t i;

	if (!claim(out, asked, GUARD_SCOPE_DROPS, "TRUNCATE TABLE"))
		return STATEMENT_OK;
	for (i = 0; i < stmt->n_relations; i++) {
		const PgQuery__RangeVar *range = stmt->relations[i]->range_var;
		struct target *target;

		if (target_add_range(out, TARGET_TRUNCATE, range, LOCK_NONE) !=
		    STATEMENT_OK)
			return STATEMENT_NO_MEMORY;
		target = &out->targets[i];
		target->cascade = stmt->behavior == CASCADE;
		target->restart_identity = stmt->restart_seqs;
	}
	out->has_plan = true;
	return STATEMENT_OK;
}

/* The table that a foreign key constraint references; NULL for all else. */
static const PgQuery__RangeVar *
referenced_table(const PgQuery__Node *node)
{
	if (node->node_case != NODE(CONSTRAINT) ||
	    node->constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
		return NULL;
	return node->constraint->pktable;
}

static bool
has_reference(PgQuery__Node *const *nodes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const PgQuery__Node *node = nodes[i];

		if (referenced_table(node) != NULL)
			return true;
		if (node->node_case == NODE(COLUMN_DEF) &&
		    has_reference(node->column_def->constraints,
				  node->column_def->n_constraints))
			return true;
	}
	return false;
}

static enum statement_status
add_references(struct statement *out, PgQuery__Node *const *nodes, size_t count)
{
	enum statement_status status = STATEMENT_OK;
	size_t i;

	for (i = 0; i < count && status == STATEMENT_OK; i++) {
		const PgQuery__RangeVar *range = referenced_table(nodes[i]);

		if (range != NULL)
			status = target_add_range(out, TARGET_LOCK, range,
						  LOCK_SHARE_ROW_EXCLUSIVE);
	}
	return status;
}

static enum statement_status
add_drop_clause(struct statement *out, const PgQuery__AlterTableStmt *stmt,
		const PgQuery__AlterTableCmd *cmd)
{
	bool is_detach = cmd->subtype == CLAUSE(DetachPartition);
	enum target_kind kind = TARGET_CONSTRAINT;
	struct target *target;

	if (is_detach)
		kind = TARGET_DETACH;
	if (cmd->subtype == CLAUSE(DropColumn))
		kind = TARGET_COLUMN;
	if (target_add_range(out, kind, stmt->relation, LOCK_NONE) !=
	    STATEMENT_OK)
		return STATEMENT_NO_MEMORY;

	target = &out->targets[out->target_count - 1];
	target->cascade = cmd->behavior == CASCADE;
	if (is_detach) {
		struct name name = name_of_range(cmd->def->partition_cmd->name);

		target->part = name_quote(&name);
	} else {
		target->part = name_copy(cmd->name);
	}
	return target->part == NULL ? STATEMENT_NO_MEMORY : STATEMENT_OK;
}

static enum statement_status
add_clause(struct statement *out, const PgQuery__AlterTableStmt *stmt,
	   const PgQuery__AlterTableCmd *cmd)
{
	switch (cmd->subtype) {
	case CLAUSE(DropColumn):
	case CLAUSE(DropConstraint):
	case CLAUSE(DetachPartition):
		return add_drop_clause(out, stmt, cmd);
	case CLAUSE(AddConstraint):
		return add_references(out, &cmd->def, 1);
	case CLAUSE(AddColumn):
		return add_references(out, cmd->def->column_def->constraints,
				      cmd->def->column_def->n_constraints);
	default: /* locks the table itself */
		return STATEMENT_OK;
	}
}

struct clauses {
	bool drop;           /* a DROP COLUMN, DROP CONSTRAINT or DETACH */
	bool concurrent;     /* DETACH ... CONCURRENTLY or FINALIZE */
	bool only_add_fkeys; /* nothing but ADD FOREIGN KEY */
};

static struct clauses
clauses_of(const PgQuery__AlterTableStmt *stmt)
{
	struct clauses has = {.only_add_fkeys = true};
	size_t i;

	for (i = 0; i < stmt->n_cmds; i++) {
		const PgQuery__AlterTableCmd *cmd =
		    stmt->cmds[i]->alter_table_cmd;
		PgQuery__AlterTableType type = cmd->subtype;

		if (type == CLAUSE(DropColumn) ||
		    type == CLAUSE(DropConstraint) ||
		    type == CLAUSE(DetachPartition))
			has.drop = true;
		if (type == CLAUSE(DetachPartitionFinalize) ||
		    (type == CLAUSE(DetachPartition) &&
		     cmd->def->partition_cmd->concurrent))
			has.concurrent = true;
		if (type != CLAUSE(AddConstraint) ||
		    referenced_table(cmd->def) == NULL)
			has.only_add_fkeys = false;
	}
	return has;
}

static enum statement_status
read_alter_table(struct statement *out, const PgQuery__Node *node,
		 enum guard_scope asked)
{
	const PgQuery__AlterTableStmt *stmt = node->alter_table_stmt;
	struct clauses has = clauses_of(stmt);
	enum statement_status status;
	size_t i;

	if (has.concurrent ||
	    !claim(out, asked, has.drop ? GUARD_SCOPE_DROPS : GUARD_SCOPE_DDL,
		   alter_tag(stmt->objtype)))
		return STATEMENT_OK;
	if (stmt->objtype != OBJECT(TABLE) &&
	    stmt->objtype != OBJECT(FOREIGN_TABLE))
		return STATEMENT_OK;
	if (!has.drop && !has.only_add_fkeys)
		return STATEMENT_OK;

	status = target_add_range(out, TARGET_LOCK, stmt->relation,
				  has.only_add_fkeys ? LOCK_SHARE_ROW_EXCLUSIVE
						     : LOCK_ACCESS_EXCLUSIVE);
	for (i = 0; i < stmt->n_cmds && status == STATEMENT_OK; i++)
		status = add_clause(out, stmt, stmt->cmds[i]->alter_table_cmd);
	out->has_plan = status == STATEMENT_OK;
	return status;
}

/* RENAME and SET SCHEMA of a relation, or of what belongs to one. */
static enum statement_status
read_rename(struct statement *out, const PgQuery__Node *node,
	    enum guard_scope asked)
{
	const PgQuery__RenameStmt *stmt = node->rename_stmt;
	PgQuery__ObjectType type = stmt->rename_type;

	if (type == OBJECT(COLUMN))
		type = stmt->relation_type;
	if (stmt->relation != NULL)
		claim(out, asked, GUARD_SCOPE_DDL, alter_tag(type));
	return STATEMENT_OK;
}

static enum statement_status
read_set_schema(struct statement *out, const PgQuery__Node *node,
		enum guard_scope asked)
{
	const PgQuery__AlterObjectSchemaStmt *stmt =
	    node->alter_object_schema_stmt;

	if (stmt->relation != NULL)
		claim(out, asked, GUARD_SCOPE_DDL,
		      alter_tag(stmt->object_type));
	return STATEMENT_OK;
}

static enum statement_status
read_move_all(struct statement *out, const PgQuery__Node *node,
	      enum guard_scope asked)
{
	claim(out, asked, GUARD_SCOPE_DDL,
	      alter_tag(node->alter_table_move_all_stmt->objtype));
	return STATEMENT_OK;
}

static bool
locks_others(const PgQuery__CreateStmt *stmt)
{
	return stmt->n_inh_relations > 0 || stmt->partbound != NULL ||
	       has_reference(stmt->table_elts, stmt->n_table_elts) ||
	       has_reference(stmt->constraints, stmt->n_constraints);
}

/* The tag of a CREATE that locks tables which exist; NULL for all else. */
static const char *
create_tag(const PgQuery__Node *node)
{
	const PgQuery__CreateStmt *base;

	switch (node->node_case) {
	case NODE(CREATE_STMT):
		return locks_others(node->create_stmt) ? "CREATE TABLE" : NULL;
	case NODE(CREATE_FOREIGN_TABLE_STMT):
		base = node->create_foreign_table_stmt->base_stmt;
		return locks_others(base) ? "CREATE FOREIGN TABLE" : NULL;
	case NODE(CREATE_TRIG_STMT):
		return "CREATE TRIGGER";
	case NODE(INDEX_STMT):
		return node->index_stmt->concurrent ? NULL : "CREATE INDEX";
	case NODE(RULE_STMT):
		return "CREATE RULE";
	case NODE(CREATE_POLICY_STMT):
		return "CREATE POLICY";
	default:
		return NULL;
	}
}

static enum statement_status
read_create(struct statement *out, const PgQuery__Node *node,
	    enum guard_scope asked)
{
	claim(out, asked, GUARD_SCOPE_DDL, create_tag(node));
	return STATEMENT_OK;
}

static enum statement_status
read_create_schema(struct statement *out, const PgQuery__Node *node,
		   enum guard_scope asked)
{
	const PgQuery__CreateSchemaStmt *stmt = node->create_schema_stmt;
	size_t i;

	for (i = 0; i < stmt->n_schema_elts; i++)
		if (create_tag(stmt->schema_elts[i]) != NULL)
			claim(out, asked, GUARD_SCOPE_DDL, "CREATE SCHEMA");
	return STATEMENT_OK;
}

static enum statement_status
read_alter_policy(struct statement *out, const PgQuery__Node *node,
		  enum guard_scope asked)
{
	(void)node;
	claim(out, asked, GUARD_SCOPE_DDL, "ALTER POLICY");
	return STATEMENT_OK;
}

static const struct {
	PgQuery__Node__NodeCase node_case;
	enum statement_status (*read)(struct statement *out,
				      const PgQuery__Node *node,
				      enum guard_scope asked);
} readers[] = {
    {NODE(TRANSACTION_STMT), read_transaction},
    {NODE(DROP_STMT), read_drop},
    {NODE(DROP_OWNED_STMT), read_drop_owned},
    {NODE(TRUNCATE_STMT), read_truncate},
    {NODE(ALTER_TABLE_STMT), read_alter_table},
    {NODE(ALTER_TABLE_MOVE_ALL_STMT), read_move_all},
    {NODE(RENAME_STMT), read_rename},
    {NODE(ALTER_OBJECT_SCHEMA_STMT), read_set_schema},
    {NODE(ALTER_POLICY_STMT), read_alter_policy},
    {NODE(CREATE_STMT), read_create},
    {NODE(CREATE_FOREIGN_TABLE_STMT), read_create},
    {NODE(CREATE_TRIG_STMT), read_create},
    {NODE(INDEX_STMT), read_create},
    {NODE(RULE_STMT), read_create},
    {NODE(CREATE_POLICY_STMT), read_create},
    {NODE(CREATE_SCHEMA_STMT), read_create_schema},
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

static enum statement_status
read_tree(struct statement *out, const PgQueryProtobuf *tree,
	  enum guard_scope asked)
{
	enum statement_status status = STATEMENT_UNPARSED;
	PgQuery__ParseResult *result;

	result = pg_query__parse_result__unpack(NULL, tree->len,
						(const uint8_t *)tree->data);
	if (result == NULL)
		return STATEMENT_NO_MEMORY;
	if (result->n_stmts == 1)
		status = read_node(out, result->stmts[0]->stmt, asked);
	pg_query__parse_result__free_unpacked(result, NULL);
	return status;
}

enum statement_status
statement_tree_read(struct statement *out, const char *sql,
		    enum guard_scope scope)
{
	PgQueryProtobufParseResult result = pg_query_parse_protobuf(sql);
	enum statement_status status = STATEMENT_UNPARSED;

	if (result.error == NULL)
		status = read_tree(out, &result.parse_tree, scope);
	pg_query_free_protobuf_parse_result(result);
	return status;
}
