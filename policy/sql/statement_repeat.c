/*
 * statement_repeat.c - what a syntax tree says about doing it again.
 *
 * The kind of a statement says most, by a table.  Where it evaluates
 * expressions, or runs a query, the functions and relations that it names are
 * collected for the catalogs' question: a walk over the tree that knows of its
 * nodes only those, by the descriptors that protobuf-c keeps.
 */
#include "policy/sql/statement_repeat.h"

#include <string.h>

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "policy/sql/bookkeeping.h"
#include "policy/sql/plain_block.h"
#include "policy/sql/statement.h"
#include "policy/sql/statement_change.h"
#include "policy/sql/statement_do.h"
#include "policy/sql/statement_name.h"
#include "policy/sql/statement_parse.h"
#include "policy/sql/statement_scan.h"
#include "policy/sql/statement_text.h"

enum kind {
	KIND_DEFINES,   /* runs nothing of what it names */
	KIND_EVALUATES, /* may call the functions that it names */
	KIND_WRITES,    /* rows; shows them only by RETURNING */
	KIND_SHOWS,     /* rows */
	KIND_SETS,
	KIND_CONTROL,
	KIND_BLOCK, /* a block of code */
	KIND_LOCKS, /* LOCK TABLE: a mutex, or to come before a snapshot */
};

#define NODE(type) PG_QUERY__NODE__NODE_##type

/* A kind that is not here has effects that outlast a rollback, or may. */
static const struct {
	PgQuery__Node__NodeCase node_case;
	enum kind kind;
} kinds[] = {
    {NODE(ALTER_COLLATION_STMT), KIND_DEFINES},
    {NODE(ALTER_DEFAULT_PRIVILEGES_STMT), KIND_DEFINES},
    {NODE(ALTER_DOMAIN_STMT), KIND_EVALUATES},
    {NODE(ALTER_ENUM_STMT), KIND_DEFINES},
    {NODE(ALTER_EXTENSION_CONTENTS_STMT), KIND_DEFINES},
    {NODE(ALTER_FUNCTION_STMT), KIND_DEFINES},
    {NODE(ALTER_OBJECT_DEPENDS_STMT), KIND_DEFINES},
    {NODE(ALTER_OBJECT_SCHEMA_STMT), KIND_DEFINES},
    {NODE(ALTER_OPERATOR_STMT), KIND_DEFINES},
    {NODE(ALTER_OWNER_STMT), KIND_DEFINES},
    {NODE(ALTER_POLICY_STMT), KIND_DEFINES},
    {NODE(ALTER_PUBLICATION_STMT), KIND_DEFINES},
    {NODE(ALTER_SEQ_STMT), KIND_DEFINES},
    {NODE(ALTER_STATS_STMT), KIND_DEFINES},
    {NODE(ALTER_TABLE_STMT), KIND_EVALUATES},
    {NODE(ALTER_TABLE_MOVE_ALL_STMT), KIND_DEFINES},
    {NODE(ALTER_TYPE_STMT), KIND_DEFINES},
    {NODE(CLUSTER_STMT), KIND_DEFINES},
    {NODE(COMMENT_STMT), KIND_DEFINES},
    {NODE(COMPOSITE_TYPE_STMT), KIND_DEFINES},
    {NODE(CONSTRAINTS_SET_STMT), KIND_DEFINES},
    {NODE(CREATE_CAST_STMT), KIND_DEFINES},
    {NODE(CREATE_DOMAIN_STMT), KIND_DEFINES},
    {NODE(CREATE_ENUM_STMT), KIND_DEFINES},
    {NODE(CREATE_FOREIGN_TABLE_STMT), KIND_DEFINES},
    {NODE(CREATE_FUNCTION_STMT), KIND_DEFINES},
    {NODE(CREATE_POLICY_STMT), KIND_DEFINES},
    {NODE(CREATE_PUBLICATION_STMT), KIND_DEFINES},
    {NODE(CREATE_RANGE_STMT), KIND_DEFINES},
    {NODE(CREATE_SCHEMA_STMT), KIND_DEFINES},
    {NODE(CREATE_SEQ_STMT), KIND_DEFINES},
    {NODE(CREATE_STATS_STMT), KIND_DEFINES},
    {NODE(CREATE_STMT), KIND_DEFINES},
    {NODE(CREATE_TABLE_AS_STMT), KIND_EVALUATES},
    {NODE(CREATE_TRIG_STMT), KIND_DEFINES},
    {NODE(DEFINE_STMT), KIND_DEFINES},
    {NODE(DELETE_STMT), KIND_WRITES},
    {NODE(DO_STMT), KIND_BLOCK},
    {NODE(DROP_OWNED_STMT), KIND_DEFINES},
    {NODE(DROP_STMT), KIND_DEFINES},
    {NODE(GRANT_STMT), KIND_DEFINES},
    {NODE(INDEX_STMT), KIND_EVALUATES},
    {NODE(INSERT_STMT), KIND_WRITES},
    {NODE(LOCK_STMT), KIND_LOCKS},
    {NODE(MERGE_STMT), KIND_WRITES},
    {NODE(NOTIFY_STMT), KIND_DEFINES},
    {NODE(REASSIGN_OWNED_STMT), KIND_DEFINES},
    {NODE(REFRESH_MAT_VIEW_STMT), KIND_EVALUATES},
    {NODE(REINDEX_STMT), KIND_DEFINES},
    {NODE(RENAME_STMT), KIND_DEFINES},
    {NODE(RULE_STMT), KIND_DEFINES},
    {NODE(SEC_LABEL_STMT), KIND_DEFINES},
    {NODE(SELECT_STMT), KIND_SHOWS},
    {NODE(TRANSACTION_STMT), KIND_CONTROL},
    {NODE(TRUNCATE_STMT), KIND_DEFINES},
    {NODE(UPDATE_STMT), KIND_WRITES},
    {NODE(VACUUM_STMT), KIND_DEFINES},
    {NODE(VARIABLE_SET_STMT), KIND_SETS},
    {NODE(VARIABLE_SHOW_STMT), KIND_SHOWS},
    {NODE(VIEW_STMT), KIND_DEFINES},
};

static void repeat_read_statement(struct repeat *r, struct statement_text text,
				  bool is_in_block);

/* A walk over one statement's tree. */
struct walk {
	struct repeat *repeat;
	bool shows;    /* the statement shows rows */
	bool is_query; /* the relations met are read or written */
	bool defaults; /* DEFAULT stands for a value */
};

static bool
is_of_catalogs(const char *name)
{
	return strncmp(name, "\"pg_", 4) == 0 ||
	       strncmp(name, "\"information_schema\".", 21) == 0;
}

static void
repeat_add_range(const struct walk *w, const PgQuery__RangeVar *range)
{
	struct repeat *r = w->repeat;
	char *name;

	if (statement_name_range(&name, range) != STATEMENT_OK) {
		repeat_stop(r, "a name cannot be read");
		return;
	}
	r->rows_used += !w->shows || !is_of_catalogs(name);
	repeat_add(r, w->shows ? &r->shown : &r->written, name);
}

static bool
is_time(const char *function)
{
	return strcmp(function, "now") == 0 ||
	       strcmp(function, "statement_timestamp") == 0 ||
	       strcmp(function, "transaction_timestamp") == 0;
}

static void
repeat_add_call(const struct walk *w, const PgQuery__FuncCall *call)
{
	const PgQuery__Node *last;
	char *name;

	if (call->n_funcname == 0)
		return;
	last = call->funcname[call->n_funcname - 1];
	if (last->node_case != NODE(STRING))
		return;
	if (w->shows && is_time(last->string->sval))
		repeat_stop(w->repeat, "it has shown the time");
	(void)statement_name_bare(&name, last->string->sval);
	repeat_add(w->repeat, &w->repeat->functions, name);
}

/* CURRENT_TIMESTAMP and its like; not CURRENT_USER. */
static void
repeat_note_value(const struct walk *w, const PgQuery__SQLValueFunction *value)
{
	if (w->shows &&
	    value->op < PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE)
		repeat_stop(w->repeat, "it has shown the time");
}

/* True if nothing under the message is evaluated: a default is only noted. */
static bool
walk_spares(const ProtobufCMessage *m)
{
	const PgQuery__AlterTableCmd *cmd = (const void *)m;

	return m->descriptor == &pg_query__alter_table_cmd__descriptor &&
	       cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault;
}

/* Look at the message itself.  It is of a query from there on where one is. */
static void
walk_look(struct walk *w, const ProtobufCMessage *m)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;

	if (d == &pg_query__func_call__descriptor)
		repeat_add_call(w, (const void *)m);
	else if (d == &pg_query__sqlvalue_function__descriptor)
		repeat_note_value(w, (const void *)m);
	else if (d == &pg_query__range_var__descriptor && w->is_query)
		repeat_add_range(w, (const void *)m);
	else if (d == &pg_query__execute_stmt__descriptor)
		repeat_stop(w->repeat, "a statement was prepared before");
	else if (d == &pg_query__with_clause__descriptor)
		repeat_stop(w->repeat, "a query with WITH");
	else if (d == &pg_query__set_to_default__descriptor)
		w->defaults = true;
	else if (d == &pg_query__select_stmt__descriptor ||
		 d == &pg_query__insert_stmt__descriptor ||
		 d == &pg_query__update_stmt__descriptor ||
		 d == &pg_query__delete_stmt__descriptor ||
		 d == &pg_query__merge_stmt__descriptor ||
		 d == &pg_query__refresh_mat_view_stmt__descriptor)
		w->is_query = true;
}

static const void *
field_at(const ProtobufCMessage *m, unsigned int offset)
{
	return (const char *)m + offset;
}

/* The messages of a field: their number, and where they stand. */
static size_t
field_messages(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
	       ProtobufCMessage *const **out)
{
	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return 0;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		*out =
		    *(ProtobufCMessage *const *const *)field_at(m, f->offset);
		return *(const size_t *)field_at(m, f->quantifier_offset);
	}
	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
	    *(const uint32_t *)field_at(m, f->quantifier_offset) != f->id)
		return 0;
	*out = field_at(m, f->offset);
	return **out != NULL;
}

/* The tree is as deep as STATEMENT_NESTING_MAX allows. */
static void
walk_message(struct walk *w, const ProtobufCMessage *m)
{
	bool was_query = w->is_query;
	ProtobufCMessage *const *messages = NULL;
	unsigned int i;
	size_t j;

	if (w->repeat->obstacle != NULL || walk_spares(m))
		return;
	walk_look(w, m);
	for (i = 0; i < m->descriptor->n_fields; i++) {
		size_t count =
		    field_messages(m, &m->descriptor->fields[i], &messages);

		for (j = 0; j < count; j++)
			walk_message(w, messages[j]);
	}
	w->is_query = was_query;
}

/* True if a default was named in it. */
static bool
repeat_walk(struct repeat *r, const PgQuery__Node *node, bool shows)
{
	struct walk w = {.repeat = r, .shows = shows};

	r->shows_rows |= shows;
	walk_message(&w, &node->base);
	return w.defaults;
}

/* RETURNING is a list of expressions up to PostgreSQL 17, and then a clause. */
#if PG_VERSION_NUM >= 180000
#define RETURNS_ROWS(statement) ((statement)->returning_clause != NULL)
#else
#define RETURNS_ROWS(statement) ((statement)->n_returning_list > 0)
#endif

static bool
returns_rows(const PgQuery__Node *node)
{
	switch (node->node_case) {
	case NODE(INSERT_STMT):
		return RETURNS_ROWS(node->insert_stmt);
	case NODE(UPDATE_STMT):
		return RETURNS_ROWS(node->update_stmt);
	case NODE(DELETE_STMT):
		return RETURNS_ROWS(node->delete_stmt);
#if PG_VERSION_NUM >= 170000 /* the first whose MERGE has one */
	case NODE(MERGE_STMT):
		return RETURNS_ROWS(node->merge_stmt);
#endif
	default:
		return false;
	}
}

/* The relations from this one on are those of one statement. */
static void
repeat_note_written(struct repeat *r, size_t first, bool fills)
{
	size_t i;

	for (i = first; i < r->written.count; i++) {
		r->writes_first |=
		    !r->has_definitions && !bookkeeping_is(r->written.items[i]);
		if (fills)
			repeat_add(r, &r->filled, strdup(r->written.items[i]));
	}
}

/* The relations of a statement that writes are written ones, whatever it
 * shows: what it shows is of the rows that it writes. */
static void
repeat_read_write(struct repeat *r, const PgQuery__Node *node)
{
	bool fills = node->node_case != NODE(UPDATE_STMT) &&
		     node->node_case != NODE(DELETE_STMT);
	size_t first = r->written.count;

	r->shows_rows |= returns_rows(node);
	fills |= repeat_walk(r, node, false);
	repeat_note_written(r, first, fills);
}

static void
repeat_read_select(struct repeat *r, const PgQuery__Node *node)
{
	bool is_into = node->node_case == NODE(SELECT_STMT) &&
		       node->select_stmt->into_clause != NULL;

	(void)repeat_walk(r, node, !is_into);
}

/* A rollback takes a setting back; but what was reported of it is seen.  Flyway
 * sets the role, mostly to what it is. */
static void
repeat_read_setting(struct repeat *r, const PgQuery__VariableSetStmt *set)
{
	bool is_transaction =
	    set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI &&
	    strcmp(set->name, "TRANSACTION") == 0;

	if (!set->is_local && !is_transaction && strcmp(set->name, "role") != 0)
		repeat_stop(r, "a SET without LOCAL");
}

static void
repeat_add_savepoint(struct repeat *r, const char *name)
{
	char *copy;

	(void)statement_name_bare(&copy, name);
	repeat_add(r, &r->savepoints, copy);
}

/* All that was used behind the savepoint may be gone, or is as it was before.
 */
static void
repeat_roll_back(struct repeat *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->savepoints_used; i++)
		if (strcmp(r->savepoints.items[i], name) == 0)
			repeat_stop(r, "what it used was rolled back");
}

static void
repeat_read_control(struct repeat *r, const PgQuery__TransactionStmt *stmt)
{
	switch (stmt->kind) {
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
		repeat_add_savepoint(r, stmt->savepoint_name);
		break;
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
		repeat_roll_back(r, stmt->savepoint_name);
		break;
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
		break;
	default:
		repeat_stop(r, "a transaction begins or ends in it");
		break;
	}
}

/* All that was used: the sum only grows. */
static size_t
repeat_uses(const struct repeat *r)
{
	return r->rows_used + r->functions.count;
}

/*
 * A block with nothing but definitions is what they are.  One that uses
 * something has nothing else in it, as its handler may roll back what is used.
 */
static void
repeat_read_block(struct repeat *r, const PgQuery__DoStmt *stmt)
{
	const char *source = statement_do_source(stmt);
	enum plain_block_state state = PLAIN_BLOCK_ODD;
	struct statement_text text = {source, 0};
	size_t uses = repeat_uses(r);
	struct plain_block b;
	size_t count = 0;

	if (source != NULL)
		text.len = strlen(source);
	if (source != NULL && plain_block_begin(&b, text)) {
		state = PLAIN_BLOCK_GOES_ON;
		while (r->obstacle == NULL &&
		       (state = plain_block_next(&b, &text)) ==
			   PLAIN_BLOCK_GOES_ON) {
			repeat_read_statement(r, text, true);
			count++;
		}
	}
	if (state == PLAIN_BLOCK_ODD)
		repeat_stop(r, "a DO block with code");
	else if (repeat_uses(r) > uses && count > 1)
		repeat_stop(r, "a DO block with a query");
}

static void
repeat_read_kind(struct repeat *r, const PgQuery__Node *node, enum kind kind)
{
	switch (kind) {
	case KIND_DEFINES:
		break;
	case KIND_EVALUATES:
		(void)repeat_walk(r, node, false);
		break;
	case KIND_WRITES:
		repeat_read_write(r, node);
		break;
	case KIND_SHOWS:
		repeat_read_select(r, node);
		break;
	case KIND_SETS:
		repeat_read_setting(r, node->variable_set_stmt);
		break;
	case KIND_CONTROL:
		repeat_read_control(r, node->transaction_stmt);
		break;
	case KIND_BLOCK:
		repeat_read_block(r, node->do_stmt);
		break;
	case KIND_LOCKS:
		repeat_stop(r, "it holds LOCK TABLE");
		break;
	}
}

/* ON COMMIT has its say at an end that comes but once. */
static bool
acts_on_commit(const PgQuery__Node *node)
{
	return node->node_case == NODE(CREATE_STMT) &&
	       node->create_stmt->oncommit >
		   PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_PRESERVE_ROWS;
}

/* A statement of a block may only define. */
static bool
kind_is_of_blocks(enum kind kind)
{
	return kind == KIND_DEFINES || kind == KIND_EVALUATES;
}

static void
repeat_read_node(struct repeat *r, const PgQuery__Node *node,
		 struct statement_text text, bool is_in_block)
{
	const char *change = statement_change_obstacle(r, node, text);
	size_t uses = repeat_uses(r);
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].node_case == node->node_case)
			break;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		repeat_stop(r, "a statement of a kind that is not repeated");
	else if (is_in_block && !kind_is_of_blocks(kinds[i].kind))
		repeat_stop(r, "a DO block with a query");
	else if (acts_on_commit(node))
		repeat_stop(r, "a table with ON COMMIT");
	else if (change != NULL)
		repeat_stop(r, change);
	else
		repeat_read_kind(r, node, kinds[i].kind);
	r->has_definitions |= i < sizeof(kinds) / sizeof(kinds[0]) &&
			      kind_is_of_blocks(kinds[i].kind);
	/* Triggers have seen to it, perhaps. */
	if (node->node_case == NODE(TRUNCATE_STMT)) {
		r->has_truncated = true;
		r->rows_used++;
	}
	if (repeat_uses(r) > uses)
		r->savepoints_used = r->savepoints.count;
}

/* A statement that is read, and where it stands. */
struct repeat_reading {
	struct repeat *repeat;
	struct statement_text text;
	bool is_in_block;
};

/* A statement_visitor. */
static enum statement_status
repeat_visit(const PgQuery__Node *node, void *arg)
{
	const struct repeat_reading *r = arg;

	repeat_read_node(r->repeat, node, r->text, r->is_in_block);
	return STATEMENT_OK;
}

static void
repeat_read_statement(struct repeat *r, struct statement_text text,
		      bool is_in_block)
{
	struct repeat_reading reading = {r, text, is_in_block};
	enum statement_status status = STATEMENT_TOO_LARGE;

	if (statement_scan_nesting(text) <= STATEMENT_NESTING_MAX)
		status = statement_parse(text, repeat_visit, &reading);
	if (status == STATEMENT_TOO_LARGE || status == STATEMENT_TOO_DEAR)
		repeat_stop(r, "a statement is too large");
	else if (status == STATEMENT_UNPARSED)
		repeat_stop(r, "it does not parse");
	else if (status == STATEMENT_NO_MEMORY)
		repeat_stop(r, "out of memory");
}

void
statement_repeat_read(struct repeat *r, const char *sql, size_t len,
		      size_t parse_bytes)
{
	struct statement_list list;
	size_t i;

	if (r->obstacle != NULL)
		return;
	if (statement_list_parse(&list, sql, len, GUARD_SCOPE_DDL,
				 parse_bytes) != STATEMENT_OK) {
		repeat_stop(r, "it cannot be looked into");
		return;
	}
	for (i = 0; i < list.count && r->obstacle == NULL; i++) {
		const struct statement *s = &list.items[i];
		struct statement_text text = {sql + s->start,
					      s->end - s->start};

		if (text.len > parse_bytes)
			repeat_stop(r, "a statement is too large");
		else
			repeat_read_statement(r, text, false);
	}
	statement_list_clear(&list);
}

bool
statement_repeat_begins(const char *sql, size_t len)
{
	struct statement_list list;
	bool begins;

	if (statement_list_parse(&list, sql, len, GUARD_SCOPE_DDL,
				 STATEMENT_PARSE_BYTES_DEFAULT) != STATEMENT_OK)
		return false;
	begins = list.count == 1 && list.items[0].control == STATEMENT_BEGIN;
	statement_list_clear(&list);
	return begins;
}
