#include "policy/sql/statement_drop.h"

#include "policy/sql/statement_name.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type
#define DROPPED(type) PG_QUERY__OBJECT_TYPE__OBJECT_##type
#define CASCADE PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE

/* The forms in which the grammar gives an object's name. */
enum form {
	FORM_OTHER,  /* not planned: rare, or its drop locks no relation */
	FORM_METHOD, /* strings: the access method, then its own name */
	FORM_RELATION,
	FORM_PART, /* a string */
	FORM_LIST, /* strings */
	FORM_TYPE,
	FORM_ROUTINE,
	FORM_OPERATOR,
	FORM_OF_TABLE, /* strings: the table's name, then its own */
};

/*
 * The objects by the grammar's type, with CommandComplete's tag.  NULL: the
 * drop locks no relation, or the object is one that all databases share.
 */
static const struct {
	const char *tag;
	enum form form;
	enum object_kind object;
} drops[] = {
    [DROPPED(ACCESS_METHOD)] = {"DROP ACCESS METHOD", FORM_PART,
				OBJECT_ACCESS_METHOD},
    [DROPPED(AGGREGATE)] = {"DROP AGGREGATE", FORM_ROUTINE, OBJECT_FUNCTION},
    [DROPPED(CAST)] = {"DROP CAST", FORM_OTHER, 0},
    [DROPPED(COLLATION)] = {"DROP COLLATION", FORM_LIST, OBJECT_COLLATION},
    [DROPPED(DOMAIN)] = {"DROP DOMAIN", FORM_TYPE, OBJECT_TYPE},
    [DROPPED(EXTENSION)] = {"DROP EXTENSION", FORM_PART, OBJECT_EXTENSION},
    [DROPPED(FDW)] = {"DROP FOREIGN DATA WRAPPER", FORM_PART, OBJECT_WRAPPER},
    [DROPPED(FOREIGN_SERVER)] = {"DROP SERVER", FORM_PART, OBJECT_SERVER},
    [DROPPED(FOREIGN_TABLE)] = {"DROP FOREIGN TABLE", FORM_RELATION, 0},
    [DROPPED(FUNCTION)] = {"DROP FUNCTION", FORM_ROUTINE, OBJECT_FUNCTION},
    [DROPPED(INDEX)] = {"DROP INDEX", FORM_RELATION, 0},
    [DROPPED(LANGUAGE)] = {"DROP LANGUAGE", FORM_PART, OBJECT_LANGUAGE},
    [DROPPED(MATVIEW)] = {"DROP MATERIALIZED VIEW", FORM_RELATION, 0},
    [DROPPED(OPCLASS)] = {"DROP OPERATOR CLASS", FORM_METHOD, OBJECT_OPCLASS},
    [DROPPED(OPERATOR)] = {"DROP OPERATOR", FORM_OPERATOR, OBJECT_OPERATOR},
    [DROPPED(OPFAMILY)] = {"DROP OPERATOR FAMILY", FORM_METHOD,
			   OBJECT_OPFAMILY},
    [DROPPED(POLICY)] = {"DROP POLICY", FORM_OF_TABLE, OBJECT_POLICY},
    [DROPPED(PROCEDURE)] = {"DROP PROCEDURE", FORM_ROUTINE, OBJECT_FUNCTION},
    [DROPPED(ROUTINE)] = {"DROP ROUTINE", FORM_ROUTINE, OBJECT_FUNCTION},
    [DROPPED(RULE)] = {"DROP RULE", FORM_OF_TABLE, OBJECT_RULE},
    [DROPPED(SCHEMA)] = {"DROP SCHEMA", FORM_PART, OBJECT_SCHEMA},
    [DROPPED(SEQUENCE)] = {"DROP SEQUENCE", FORM_RELATION, 0},
    [DROPPED(STATISTIC_EXT)] = {"DROP STATISTICS", FORM_LIST,
				OBJECT_STATISTICS},
    [DROPPED(TABLE)] = {"DROP TABLE", FORM_RELATION, 0},
    [DROPPED(TRANSFORM)] = {"DROP TRANSFORM", FORM_OTHER, 0},
    [DROPPED(TRIGGER)] = {"DROP TRIGGER", FORM_OF_TABLE, OBJECT_TRIGGER},
    [DROPPED(TSCONFIGURATION)] = {"DROP TEXT SEARCH CONFIGURATION", FORM_LIST,
				  OBJECT_TS_CONFIGURATION},
    [DROPPED(TSDICTIONARY)] = {"DROP TEXT SEARCH DICTIONARY", FORM_LIST,
			       OBJECT_TS_DICTIONARY},
    [DROPPED(TSPARSER)] = {"DROP TEXT SEARCH PARSER", FORM_LIST,
			   OBJECT_TS_PARSER},
    [DROPPED(TSTEMPLATE)] = {"DROP TEXT SEARCH TEMPLATE", FORM_LIST,
			     OBJECT_TS_TEMPLATE},
    [DROPPED(TYPE)] = {"DROP TYPE", FORM_TYPE, OBJECT_TYPE},
    [DROPPED(VIEW)] = {"DROP VIEW", FORM_RELATION, 0},
};

enum { DROP_COUNT = sizeof(drops) / sizeof(drops[0]) };

static enum statement_status
name_list(struct target *target, const PgQuery__Node *node)
{
	if (node->node_case != NODE(LIST))
		return STATEMENT_UNPARSED;
	return statement_name_list(&target->relation, node->list->items,
				   node->list->n_items);
}

static enum statement_status
name_of_table(struct target *target, const PgQuery__Node *node)
{
	const PgQuery__Node *last;
	enum statement_status status;
	size_t count;

	if (node->node_case != NODE(LIST) || node->list->n_items < 2)
		return STATEMENT_UNPARSED;
	count = node->list->n_items - 1;
	last = node->list->items[count];
	if (last->node_case != NODE(STRING))
		return STATEMENT_UNPARSED;
	status =
	    statement_name_list(&target->relation, node->list->items, count);
	if (status != STATEMENT_OK)
		return status;
	return statement_name_bare(&target->part, last->string->sval);
}

static enum statement_status
name_of_method(struct target *target, const PgQuery__Node *node)
{
	enum statement_status status;

	if (node->node_case != NODE(LIST) || node->list->n_items < 2 ||
	    node->list->items[0]->node_case != NODE(STRING))
		return STATEMENT_UNPARSED;
	status = statement_name_list(&target->relation, node->list->items + 1,
				     node->list->n_items - 1);
	if (status != STATEMENT_OK)
		return status;
	return statement_name_bare(&target->part,
				   node->list->items[0]->string->sval);
}

static enum statement_status
name_routine(struct target *target, const PgQuery__Node *node)
{
	const PgQuery__ObjectWithArgs *routine;
	enum statement_status status;

	if (node->node_case != NODE(OBJECT_WITH_ARGS))
		return STATEMENT_UNPARSED;
	routine = node->object_with_args;
	status = statement_name_list(&target->relation, routine->objname,
				     routine->n_objname);
	if (status != STATEMENT_OK || routine->args_unspecified)
		return status;
	return statement_name_arguments(&target->part, routine);
}

static enum statement_status
name_operator(struct target *target, const PgQuery__Node *node)
{
	enum statement_status status;

	if (node->node_case != NODE(OBJECT_WITH_ARGS))
		return STATEMENT_UNPARSED;
	status =
	    statement_name_operator(&target->relation, node->object_with_args);
	if (status != STATEMENT_OK)
		return status;
	return statement_name_arguments(&target->part, node->object_with_args);
}

static enum statement_status
name_dropped(struct target *target, enum form form, const PgQuery__Node *node)
{
	switch (form) {
	case FORM_OTHER:
		break;
	case FORM_METHOD:
		return name_of_method(target, node);
	case FORM_RELATION:
	case FORM_LIST:
		return name_list(target, node);
	case FORM_PART:
		if (node->node_case == NODE(STRING))
			return statement_name_part(&target->relation,
						   node->string->sval);
		break;
	case FORM_TYPE:
		if (node->node_case == NODE(TYPE_NAME))
			return statement_name_type(&target->relation,
						   node->type_name);
		break;
	case FORM_ROUTINE:
		return name_routine(target, node);
	case FORM_OPERATOR:
		return name_operator(target, node);
	case FORM_OF_TABLE:
		return name_of_table(target, node);
	}
	return STATEMENT_UNPARSED;
}

enum statement_status
statement_drop_read(struct statement *out, const PgQuery__Node *node,
		    enum guard_scope asked)
{
	const PgQuery__DropStmt *stmt = node->drop_stmt;
	size_t type = (size_t)stmt->remove_type;
	enum statement_status status = STATEMENT_OK;
	size_t i;

	if (stmt->concurrent || type >= DROP_COUNT ||
	    !statement_claim(out, asked, GUARD_SCOPE_DROPS, drops[type].tag))
		return STATEMENT_OK;
	out->is_plain_drop = stmt->remove_type == DROPPED(TABLE);
	for (i = 0; i < stmt->n_objects && status == STATEMENT_OK; i++) {
		enum form form = drops[type].form;
		struct target *target = statement_target_add(
		    out, form == FORM_RELATION ? TARGET_DROP : TARGET_OBJECT);

		if (target == NULL)
			return STATEMENT_NO_MEMORY;
		target->object = drops[type].object;
		target->cascade = stmt->behavior == CASCADE;
		status = name_dropped(target, form, stmt->objects[i]);
	}
	return status;
}

enum statement_status
statement_drop_read_owned(struct statement *out, const PgQuery__Node *node,
			  enum guard_scope asked)
{
	const PgQuery__DropOwnedStmt *stmt = node->drop_owned_stmt;
	enum statement_status status = STATEMENT_OK;
	size_t i;

	if (!statement_claim(out, asked, GUARD_SCOPE_DROPS, "DROP OWNED"))
		return STATEMENT_OK;
	for (i = 0; i < stmt->n_roles && status == STATEMENT_OK; i++) {
		struct target *target =
		    statement_target_add(out, TARGET_OBJECT);

		if (target == NULL)
			return STATEMENT_NO_MEMORY;
		target->object = OBJECT_OWNED;
		target->cascade = stmt->behavior == CASCADE;
		status = statement_name_role(&target->relation,
					     stmt->roles[i]->role_spec);
	}
	return status;
}

enum statement_status
statement_drop_read_truncate(struct statement *out, const PgQuery__Node *node,
			     enum guard_scope asked)
{
	const PgQuery__TruncateStmt *stmt = node->truncate_stmt;
	size_t i;

	if (!statement_claim(out, asked, GUARD_SCOPE_DROPS, "TRUNCATE TABLE"))
		return STATEMENT_OK;
	for (i = 0; i < stmt->n_relations; i++) {
		struct target *target;
		enum statement_status status;

		status = statement_target_part(
		    out, TARGET_TRUNCATE, stmt->relations[i]->range_var, NULL);
		if (status != STATEMENT_OK)
			return status;
		target = &out->targets[out->target_count - 1];
		target->cascade = stmt->behavior == CASCADE;
		target->restart_identity = stmt->restart_seqs;
	}
	return STATEMENT_OK;
}
