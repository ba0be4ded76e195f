#include "policy/sql/statement_rename.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/grow.h"
#include "policy/sql/statement_name.h"
#include "policy/sql/statement_parse.h"
#include "policy/sql/statement_scan.h"
#include "policy/sql/statement_target.h"
#include "policy/sql/text.h"
#include "policy/sql/tokens.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type
#define RENAMED(type) PG_QUERY__OBJECT_TYPE__OBJECT_##type

enum {
	TARGETS_MAX = 2000, /* a statement's, with what its names meant */
};

/* Add one without names; borrowed until the next one.  NULL: no memory. */
static struct rename *
renames_add(struct renames *r, enum rename_kind kind)
{
	struct rename *items =
	    grow_array(r->items, r->count, sizeof(*items), 1);

	if (items == NULL)
		return NULL;
	r->items = items;
	r->items[r->count] = (struct rename){.kind = kind};
	return &r->items[r->count++];
}

void
statement_renames_clear(struct renames *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->items[i].relation);
		free(r->items[i].from);
		free(r->items[i].to);
	}
	free(r->items);
	*r = (struct renames){0};
}

/* The relation has the name of `to` from now on. */
static enum statement_status
add_relation(struct renames *out, const PgQuery__RangeVar *range,
	     const PgQuery__RangeVar *to)
{
	struct rename *added = renames_add(out, RENAME_RELATION);
	enum statement_status status;

	if (added == NULL)
		return STATEMENT_NO_MEMORY;
	status = statement_name_range(&added->from, range);
	return status != STATEMENT_OK ? status
				      : statement_name_range(&added->to, to);
}

static enum statement_status
add_part(struct renames *out, const PgQuery__RenameStmt *stmt)
{
	struct rename *added = renames_add(out, RENAME_PART);
	enum statement_status status;

	if (added == NULL)
		return STATEMENT_NO_MEMORY;
	status = statement_name_range(&added->relation, stmt->relation);
	if (status == STATEMENT_OK)
		status = statement_name_bare(&added->from, stmt->subname);
	return status != STATEMENT_OK
		   ? status
		   : statement_name_bare(&added->to, stmt->newname);
}

static enum statement_status
add_schema(struct renames *out, const PgQuery__RenameStmt *stmt)
{
	struct rename *added = renames_add(out, RENAME_SCHEMA);
	enum statement_status status;

	if (added == NULL)
		return STATEMENT_NO_MEMORY;
	status = statement_name_part(&added->from, stmt->subname);
	return status != STATEMENT_OK
		   ? status
		   : statement_name_part(&added->to, stmt->newname);
}

static enum statement_status
read_rename(struct renames *out, const PgQuery__RenameStmt *stmt)
{
	PgQuery__RangeVar to;

	if (stmt->rename_type == RENAMED(SCHEMA))
		return add_schema(out, stmt);
	if (stmt->relation == NULL) {
		out->is_lost = true;
		return STATEMENT_OK;
	}
	if (stmt->subname[0] != '\0')
		return add_part(out, stmt);
	to = *stmt->relation;
	to.relname = stmt->newname;
	return add_relation(out, stmt->relation, &to);
}

static enum statement_status
read_set_schema(struct renames *out, const PgQuery__AlterObjectSchemaStmt *stmt)
{
	PgQuery__RangeVar to;

	if (stmt->relation == NULL) {
		out->is_lost = true;
		return STATEMENT_OK;
	}
	to = *stmt->relation;
	to.schemaname = stmt->newschema;
	return add_relation(out, stmt->relation, &to);
}

/* A statement_visitor.  A name that could not be asked for is not followed
 * either. */
static enum statement_status
read_change(const PgQuery__Node *node, void *arg)
{
	struct renames *out = arg;
	enum statement_status status = STATEMENT_OK;

	if (node->node_case == NODE(RENAME_STMT))
		status = read_rename(out, node->rename_stmt);
	else if (node->node_case == NODE(ALTER_OBJECT_SCHEMA_STMT))
		status = read_set_schema(out, node->alter_object_schema_stmt);
	if (status != STATEMENT_UNPARSED)
		return status;
	out->is_lost = true;
	return STATEMENT_OK;
}

/* True if it may be a statement that renames; most are not parsed here. */
static bool
may_rename(struct statement_text text)
{
	return statement_text_is_word(text, 0, "alter") &&
	       (statement_text_contains(text, "rename") ||
		statement_text_contains(text, "schema"));
}

enum statement_status
statement_rename_read(struct renames *out, struct statement_text text)
{
	enum statement_status status;

	if (!may_rename(text))
		return STATEMENT_OK;
	if (statement_scan_nesting(text) > STATEMENT_NESTING_MAX)
		return STATEMENT_TOO_LARGE;
	status = statement_parse(text, read_change, out);
	return status == STATEMENT_UNPARSED ? STATEMENT_OK : status;
}

/* True if the schema's name is not what stands there. */
static bool
is_path_opaque(const struct token *t)
{
	struct statement_text text = {t->text, t->len};

	return token_is_opaque(t) || token_is_word(t, "default") ||
	       statement_text_contains(text, "$user") ||
	       (t->kind == TOKEN_STRING && strcspn(t->text, "\"'\\") < t->len);
}

/* Add the schema; one whose name the text does not tell is lost. */
static enum statement_status
add_path(struct renames *out, const struct token *t)
{
	struct text name = {0};
	struct rename *added;

	if (is_path_opaque(t)) {
		out->is_lost = true;
		return STATEMENT_OK;
	}
	text_put(&name, '"');
	for (size_t i = 0; i < t->len; i++) {
		char c = t->text[i];

		text_put(&name, t->kind == TOKEN_WORD && c >= 'A' && c <= 'Z'
				    ? (char)(c - 'A' + 'a')
				    : c);
	}
	text_put(&name, '"');
	added = renames_add(out, RENAME_PATH);
	if (added != NULL)
		added->from = text_finish(&name);
	text_clear(&name);
	return added == NULL || added->from == NULL ? STATEMENT_NO_MEMORY
						    : STATEMENT_OK;
}

/* Read the list behind SET search_path: { TO | = } name [, ...] */
static enum statement_status
read_path(struct renames *out, struct tokens *tokens)
{
	enum statement_status status = STATEMENT_OK;
	struct token t = tokens_next(tokens);

	if (!token_is_symbol(&t, '=') && !token_is_word(&t, "to"))
		out->is_lost = true;
	do {
		t = tokens_next(tokens);
		if (t.kind != TOKEN_WORD && t.kind != TOKEN_NAME &&
		    t.kind != TOKEN_STRING) {
			out->is_lost = true;
			return STATEMENT_OK;
		}
		status = add_path(out, &t);
		t = tokens_next(tokens);
	} while (status == STATEMENT_OK && token_is_symbol(&t, ','));
	return status;
}

/* Read what is behind SET SCHEMA, the standard's word for a path of one. */
static enum statement_status
read_schema(struct renames *out, struct tokens *tokens)
{
	struct token t = tokens_next(tokens);

	if (t.kind == TOKEN_STRING)
		return add_path(out, &t);
	out->is_lost = true;
	return STATEMENT_OK;
}

/* True if the token, a word or a string with code, is about the path. */
static bool
names_path(const struct token *t)
{
	struct statement_text text = {t->text, t->len};

	return t->kind != TOKEN_END && t->kind != TOKEN_SYMBOL &&
	       statement_text_contains(text, "search_path");
}

enum statement_status
statement_rename_path(struct renames *out, struct statement_text text)
{
	struct tokens tokens = {.sql = text.sql, .len = text.len};
	enum statement_status status = STATEMENT_OK;
	bool is_set = false;
	struct token t;

	if (!statement_text_contains(text, "search_path") &&
	    !statement_text_contains(text, "schema"))
		return STATEMENT_OK;
	for (t = tokens_next(&tokens);
	     t.kind != TOKEN_END && status == STATEMENT_OK;
	     t = tokens_next(&tokens)) {
		if (is_set && token_is_word(&t, "search_path"))
			status = read_path(out, &tokens);
		else if (is_set && token_is_word(&t, "schema"))
			status = read_schema(out, &tokens);
		else if (names_path(&t))
			out->is_lost = true;
		is_set = token_is_word(&t, "set") ||
			 (is_set && (token_is_word(&t, "local") ||
				     token_is_word(&t, "session")));
	}
	return status;
}

/* Behind the dot that follows the schema; the name itself if it has none. */
static const char *
behind_schema(const char *name)
{
	const char *last = name;
	const char *c = name;

	while (*c == '"') {
		last = c;
		for (c++; *c != '\0' && (c[0] != '"' || c[1] == '"'); c++)
			c += *c == '"';
		c += *c == '"';
		c += *c == '.';
	}
	return last;
}

/* True if both may be the same: one that has no schema has any. */
static bool
may_be_same(const char *a, const char *b)
{
	const char *bare_a = behind_schema(a);
	const char *bare_b = behind_schema(b);

	return strcmp(bare_a, bare_b) == 0 &&
	       (a == bare_a || b == bare_b || strcmp(a, b) == 0);
}

/*
 * The name that the relation had before, on the heap; NULL: it is not this
 * one that changed, or, with *failed, there is no memory.
 */
static char *
former_relation(const struct rename *r, const char *name, bool *failed)
{
	const char *bare = behind_schema(name);
	struct text former = {0};
	char *result;

	if (r->kind == RENAME_RELATION && may_be_same(r->to, name)) {
		text_put_string(&former, r->from);
	} else if (r->kind == RENAME_PATH && bare == name) {
		text_print(&former, "%s.%s", r->from, name);
	} else if (r->kind == RENAME_SCHEMA && bare != name &&
		   strncmp(name, r->to, strlen(r->to)) == 0 &&
		   name + strlen(r->to) + 1 == bare) {
		text_print(&former, "%s.%s", r->from, bare);
	} else {
		return NULL;
	}
	result = text_finish(&former);
	*failed |= result == NULL;
	text_clear(&former);
	return result;
}

/* A copy, on the heap; *failed is set for want of memory. */
static char *
rename_copy(const char *text, bool *failed)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	*failed |= text != NULL && copy == NULL;
	return copy;
}

/* Likewise of the target's part. */
static char *
former_part(const struct rename *r, const struct target *t, bool *failed)
{
	if (t->part == NULL)
		return NULL;
	if (target_names_pair(t))
		return former_relation(r, t->part, failed);
	if (r->kind != RENAME_PART || strcmp(r->to, t->part) != 0 ||
	    !may_be_same(r->relation, t->relation))
		return NULL;
	return rename_copy(r->from, failed);
}

/* The schema that is dropped by its new name. */
static char *
former_schema(const struct rename *r, const struct target *t, bool *failed)
{
	if (r->kind != RENAME_SCHEMA || t->kind != TARGET_OBJECT ||
	    t->object != OBJECT_SCHEMA || strcmp(r->to, t->relation) != 0)
		return NULL;
	return rename_copy(r->from, failed);
}

/* Add the target with one or both of its names as they were. */
static enum statement_status
add_former(struct statement *out, size_t of, char *relation, char *part)
{
	struct target *added = statement_target_add(out, TARGET_LOCK);
	const struct target *t;
	bool failed = added == NULL;

	if (failed) {
		free(relation);
		free(part);
		return STATEMENT_NO_MEMORY;
	}
	t = &out->targets[of];
	*added = *t;
	added->relation =
	    relation != NULL ? relation : rename_copy(t->relation, &failed);
	added->part = part != NULL ? part : rename_copy(t->part, &failed);
	added->shape = rename_copy(t->shape, &failed);
	return failed ? STATEMENT_NO_MEMORY : STATEMENT_OK;
}

static enum statement_status
follow_one(struct statement *out, size_t of, const struct rename *r)
{
	const struct target *t = &out->targets[of];
	bool failed = false;
	char *relation;
	char *part;

	if (t->relation == NULL)
		return STATEMENT_OK;
	relation = target_names_relation(t)
		       ? former_relation(r, t->relation, &failed)
		       : former_schema(r, t, &failed);
	part = former_part(r, t, &failed);
	if (failed) {
		free(relation);
		free(part);
		return STATEMENT_NO_MEMORY;
	}
	if (relation == NULL && part == NULL)
		return STATEMENT_OK;
	return add_former(out, of, relation, part);
}

enum statement_status
statement_rename_follow(struct statement *out, const struct renames *renames)
{
	enum statement_status status = STATEMENT_OK;

	/* Backwards: what it meant before one, it may have meant for another
	 * name before that. */
	for (size_t i = renames->count; i > 0; i--) {
		size_t end = out->target_count;

		for (size_t j = 0; j < end && status == STATEMENT_OK; j++)
			status = follow_one(out, j, &renames->items[i - 1]);
		if (status != STATEMENT_OK)
			return status;
		if (out->target_count > TARGETS_MAX)
			return STATEMENT_TOO_LARGE;
	}
	return STATEMENT_OK;
}
