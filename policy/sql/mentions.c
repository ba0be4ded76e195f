/*
 * mentions.c - a text is walked once, token by token.  A keyword tells whether
 * the next name is a table's; a name ends that; a comma brings it back within
 * the list of a FROM.  Parentheses remember that for what is around them.
 */
#include "policy/sql/mentions.h"

#include <string.h>

#include "policy/sql/statement_text.h"

/* The part that a word plays where it is a keyword. */
enum part {
	PART_NONE,
	PART_FROM,
	PART_ON,
	PART_JOIN,
	PART_INTO,
	PART_UPDATE,
	PART_USING,
	PART_MODIFIER, /* between such a word and the name */
	PART_SELECT,
	PART_END, /* a list of tables is over */
	PART_COPY,
	PART_BLOCK,   /* a command may begin behind it, in PL/pgSQL */
	PART_DO,      /* a block */
	PART_EXECUTE, /* a prepared statement is run, or a string */
	PART_OBJECTS, /* begins a command about objects */
	PART_DROP,    /* the same, of several */
	PART_TABLES,  /* the same, of tables, which may be named at once */
	PART_TABLE,
};

struct keyword {
	const char *word;
	enum part part;
	bool is_reserved; /* no bare name of a table */
};

#define KEY(word, part)                                                        \
	{                                                                      \
		word, PART_##part, false                                       \
	}
#define RESERVED(word, part)                                                   \
	{                                                                      \
		word, PART_##part, true                                        \
	}

/* Words that play a part, and PostgreSQL's reserved ones, by first letter. */
static const struct keyword *const keywords['z' - 'a' + 1] = {
    ['a' - 'a'] =
	(const struct keyword[]){
	    RESERVED("all", NONE), KEY("alter", OBJECTS),
	    RESERVED("analyse", OBJECTS), RESERVED("analyze", OBJECTS),
	    RESERVED("and", NONE), RESERVED("any", NONE),
	    RESERVED("array", NONE), RESERVED("as", NONE),
	    RESERVED("asc", NONE), RESERVED("asymmetric", NONE),
	    RESERVED("authorization", NONE), KEY(NULL, NONE)},
    ['b' - 'a'] =
	(const struct keyword[]){KEY("begin", BLOCK), RESERVED("binary", NONE),
				 RESERVED("both", NONE), KEY(NULL, NONE)},
    ['c' - 'a'] =
	(const struct keyword[]){
	    RESERVED("case", NONE), RESERVED("cast", NONE),
	    RESERVED("check", NONE), KEY("cluster", OBJECTS),
	    RESERVED("collate", NONE), RESERVED("column", NONE),
	    KEY("comment", OBJECTS), RESERVED("constraint", NONE),
	    KEY("copy", COPY), RESERVED("create", OBJECTS),
	    RESERVED("cross", NONE), RESERVED("current_catalog", NONE),
	    RESERVED("current_date", NONE), RESERVED("current_role", NONE),
	    RESERVED("current_schema", NONE), RESERVED("current_time", NONE),
	    RESERVED("current_timestamp", NONE), RESERVED("current_user", NONE),
	    KEY(NULL, NONE)},
    ['d' - 'a'] =
	(const struct keyword[]){
	    RESERVED("default", NONE), RESERVED("deferrable", NONE),
	    RESERVED("desc", NONE), RESERVED("distinct", NONE),
	    RESERVED("do", DO), KEY("drop", DROP), KEY(NULL, NONE)},
    ['e' - 'a'] =
	(const struct keyword[]){
	    RESERVED("else", BLOCK), RESERVED("end", NONE),
	    RESERVED("except", END), KEY("execute", EXECUTE), KEY(NULL, NONE)},
    ['f' - 'a'] =
	(const struct keyword[]){
	    RESERVED("false", NONE), RESERVED("fetch", NONE),
	    RESERVED("for", NONE), RESERVED("foreign", NONE),
	    RESERVED("freeze", NONE), RESERVED("from", FROM),
	    RESERVED("full", NONE), KEY(NULL, NONE)},
    ['g' - 'a'] =
	(const struct keyword[]){RESERVED("grant", OBJECTS),
				 RESERVED("group", END), KEY(NULL, NONE)},
    ['h' - 'a'] =
	(const struct keyword[]){RESERVED("having", END), KEY(NULL, NONE)},
    ['i' - 'a'] =
	(const struct keyword[]){
	    RESERVED("ilike", NONE), KEY("import", OBJECTS),
	    RESERVED("in", NONE), RESERVED("initially", NONE),
	    RESERVED("inner", NONE), RESERVED("intersect", END),
	    RESERVED("into", INTO), RESERVED("is", NONE),
	    RESERVED("isnull", NONE), KEY(NULL, NONE)},
    ['j' - 'a'] =
	(const struct keyword[]){RESERVED("join", JOIN), KEY(NULL, NONE)},
    ['l' - 'a'] =
	(const struct keyword[]){
	    RESERVED("lateral", MODIFIER),
	    RESERVED("leading", NONE), RESERVED("left", NONE),
	    RESERVED("like", NONE), RESERVED("limit", END),
	    RESERVED("localtime", NONE), RESERVED("localtimestamp", NONE),
	    KEY("lock", TABLES), KEY("loop", BLOCK), KEY(NULL, NONE)},
    ['n' - 'a'] =
	(const struct keyword[]){
	    RESERVED("natural", NONE), RESERVED("not", NONE),
	    RESERVED("notnull", NONE), RESERVED("null", NONE), KEY(NULL, NONE)},
    ['o' - 'a'] =
	(const struct keyword[]){
	    RESERVED("offset", END), RESERVED("on", ON),
	    RESERVED("only", MODIFIER), RESERVED("or", NONE),
	    RESERVED("order", END), RESERVED("outer", NONE),
	    RESERVED("overlaps", NONE), KEY(NULL, NONE)},
    ['p' - 'a'] =
	(const struct keyword[]){RESERVED("placing", NONE),
				 RESERVED("primary", NONE), KEY(NULL, NONE)},
    ['r' - 'a'] =
	(const struct keyword[]){
	    KEY("reassign", OBJECTS), RESERVED("references", INTO),
	    KEY("refresh", OBJECTS), KEY("reindex", OBJECTS),
	    RESERVED("returning", END), KEY("revoke", OBJECTS),
	    RESERVED("right", NONE), KEY(NULL, NONE)},
    ['s' - 'a'] =
	(const struct keyword[]){
	    KEY("security", OBJECTS), RESERVED("select", SELECT),
	    RESERVED("session_user", NONE), KEY("set", END),
	    RESERVED("similar", NONE), RESERVED("some", NONE),
	    RESERVED("symmetric", NONE), RESERVED("system_user", NONE),
	    KEY(NULL, NONE)},
    ['t' - 'a'] =
	(const struct keyword[]){
	    RESERVED("table", TABLE), RESERVED("tablesample", NONE),
	    RESERVED("then", BLOCK), RESERVED("to", NONE),
	    RESERVED("trailing", NONE), RESERVED("true", NONE),
	    KEY("truncate", TABLES), KEY(NULL, NONE)},
    ['u' - 'a'] =
	(const struct keyword[]){RESERVED("union", END),
				 RESERVED("unique", NONE),
				 KEY("update", UPDATE), RESERVED("user", NONE),
				 RESERVED("using", USING), KEY(NULL, NONE)},
    ['v' - 'a'] =
	(const struct keyword[]){KEY("vacuum", OBJECTS), KEY("values", END),
				 RESERVED("variadic", NONE),
				 RESERVED("verbose", NONE), KEY(NULL, NONE)},
    ['w' - 'a'] =
	(const struct keyword[]){
	    RESERVED("when", END), RESERVED("where", END),
	    RESERVED("window", END), RESERVED("with", NONE), KEY(NULL, NONE)},
};

static struct keyword
keyword_of(const struct token *t)
{
	static const struct keyword none = KEY(NULL, NONE);
	const struct keyword *k;
	char first;

	if (t->kind != TOKEN_WORD)
		return none;
	first = statement_text_fold(t->text[0]);
	if (first < 'a' || first > 'z' || keywords[first - 'a'] == NULL)
		return none;
	for (k = keywords[first - 'a']; k->word != NULL; k++)
		if (token_is_word(t, k->word))
			return *k;
	return none;
}

static void
mentions_take(struct mentions *m)
{
	m->before = m->last;
	m->last = m->token;
	m->token = tokens_next(&m->tokens);
}

/* A new command: nothing of the last one counts. */
static void
mentions_start_command(struct mentions *m)
{
	m->lists = 0;
	m->calls = 0;
	m->wants_table = false;
	m->is_about_objects = false;
	m->is_list = false;
	m->is_at_start = true;
}

struct mentions
mentions_begin(const char *sql, size_t len)
{
	struct mentions m = {.tokens = {.sql = sql, .len = len}};

	mentions_start_command(&m);
	m.token = tokens_next(&m.tokens);
	return m;
}

static bool
is_name(const struct token *t)
{
	return t->kind == TOKEN_WORD || t->kind == TOKEN_NAME;
}

/* Take a name with all its parts, and note the last two.  The name at hand has
 * been taken already. */
static void
mentions_take_name(struct mentions *m, struct mention *out)
{
	bool is_opaque = token_is_opaque(&m->last);

	*out = (struct mention){.name = token_hash(&m->last)};
	m->name = m->last;
	while (token_is_symbol(&m->token, '.')) {
		mentions_take(m);
		if (!is_name(&m->token))
			break;
		mentions_take(m);
		is_opaque |= token_is_opaque(&m->last);
		m->name = m->last;
		out->schema = out->name;
		out->name = token_hash(&m->last);
	}
	if (is_opaque)
		*out = (struct mention){0};
}

static void
mentions_want(struct mentions *m, bool may_be_function)
{
	m->wants_table = true;
	m->may_be_function = may_be_function;
}

/* FROM of a clause, and not of IS DISTINCT FROM, or extract(year FROM x). */
static void
mentions_see_from(struct mentions *m)
{
	if (token_is_word(&m->before, "distinct") || (m->calls & 1) != 0)
		return;
	m->lists |= 1;
	mentions_want(m, true);
}

/* ON of CREATE INDEX or TRIGGER and of GRANT, and not of a join, nor of what
 * happens on an event. */
static void
mentions_see_on(struct mentions *m)
{
	if (m->is_about_objects && m->lists == 0 &&
	    !token_is_word(&m->token, "commit") &&
	    !token_is_word(&m->token, "delete") &&
	    !token_is_word(&m->token, "update") &&
	    !token_is_word(&m->token, "insert") &&
	    !token_is_word(&m->token, "conflict"))
		mentions_want(m, false);
}

static void
mentions_see_table(struct mentions *m)
{
	if (m->is_list)
		m->lists |= 1;
	mentions_want(m, false);
}

static void
mentions_see_objects(struct mentions *m, enum part part)
{
	m->is_about_objects = true;
	m->is_list = part != PART_OBJECTS;
	if (part == PART_TABLES)
		mentions_see_table(m);
}

/* Not if columns follow, or a SELECT. */
static void
mentions_see_using(struct mentions *m)
{
	if (token_is_symbol(&m->token, '('))
		return;
	m->lists |= 1;
	mentions_want(m, true);
}

/* UPDATE of a command, and not FOR UPDATE, FOR NO KEY UPDATE, DO UPDATE. */
static void
mentions_see_update(struct mentions *m)
{
	if (!token_is_word(&m->before, "for") &&
	    !token_is_word(&m->before, "key") &&
	    !token_is_word(&m->before, "do"))
		mentions_want(m, false);
}

/* Behind DO: the token behind it may be a block already. */
static void
mentions_open_dollars(struct mentions *m)
{
	const char *end = m->last.text + m->last.len;

	m->tokens.opens_dollars = true;
	m->tokens.pos = (size_t)(end - m->tokens.sql);
	m->token = tokens_next(&m->tokens);
}

/* The keyword has been taken.  True: *out is a mention of any table. */
static bool
mentions_see_keyword(struct mentions *m, enum part part, bool was_at_start,
		     struct mention *out)
{
	if (part != PART_MODIFIER)
		m->wants_table = false;
	switch (part) {
	case PART_NONE:
	case PART_MODIFIER:
		break;
	case PART_FROM:
		mentions_see_from(m);
		break;
	case PART_JOIN:
		mentions_want(m, true);
		break;
	case PART_INTO:
		mentions_want(m, false);
		break;
	case PART_UPDATE:
		mentions_see_update(m);
		break;
	case PART_USING:
		mentions_see_using(m);
		break;
	case PART_SELECT:
		m->calls &= ~(uint64_t)1;
		m->lists &= ~(uint64_t)1;
		break;
	case PART_END:
		m->lists &= ~(uint64_t)1;
		break;
	case PART_COPY:
		if (was_at_start)
			mentions_want(m, false);
		break;
	case PART_BLOCK:
		m->is_at_start = true;
		break;
	case PART_DO:
		if (was_at_start && !m->skips_blocks)
			mentions_open_dollars(m);
		break;
	case PART_EXECUTE:
		*out = (struct mention){0};
		return was_at_start;
	case PART_OBJECTS:
	case PART_DROP:
	case PART_TABLES:
		if (was_at_start)
			mentions_see_objects(m, part);
		break;
	case PART_TABLE:
		mentions_see_table(m);
		break;
	case PART_ON:
		mentions_see_on(m);
		break;
	}
	return false;
}

/* IF EXISTS or IF NOT EXISTS ahead of a table's name has begun: take it. */
static bool
mentions_take_if(struct mentions *m)
{
	if (!token_is_word(&m->last, "if") ||
	    !(token_is_word(&m->token, "exists") ||
	      token_is_word(&m->token, "not")))
		return false;
	while (is_name(&m->token) && !token_is_word(&m->last, "exists"))
		mentions_take(m);
	return true;
}

/* A word or a quoted name has been taken.  True: it is a mention. */
static bool
mentions_see_name(struct mentions *m, struct mention *out)
{
	struct keyword k = keyword_of(&m->last);
	bool was_at_start = m->is_at_start;
	bool is_wanted = m->wants_table || m->is_about_objects;

	m->is_at_start = false;
	if (k.is_reserved || (k.part != PART_NONE && !m->wants_table))
		return mentions_see_keyword(m, k.part, was_at_start, out);
	if (m->wants_table && mentions_take_if(m))
		return false;
	m->is_sure = m->wants_table;
	mentions_take_name(m, out);
	m->wants_table = false;
	if (m->may_be_function && token_is_symbol(&m->token, '(')) {
		m->is_sure = false;
		return m->is_about_objects;
	}
	return is_wanted;
}

/* A string has been taken: the first argument of a call, or 't'::regclass. */
static bool
mentions_may_be_relation(struct mentions *m)
{
	struct tokens ahead = m->tokens;
	struct token type;

	if (token_is_symbol(&m->before, '(') && (m->calls & 1) != 0)
		return true;
	if (!token_is_symbol(&m->token, ':'))
		return false;
	(void)tokens_next(&ahead); /* the second ':' */
	type = tokens_next(&ahead);
	if (token_is_word(&type, "pg_catalog")) {
		(void)tokens_next(&ahead);
		type = tokens_next(&ahead);
	}
	return token_is_word(&type, "regclass");
}

/* True if the string is a name and nothing else. */
static bool
mentions_read_string(struct mention *out, const struct token *string)
{
	struct mentions m = mentions_begin(string->text, string->len);

	if (!is_name(&m.token))
		return false;
	mentions_take(&m);
	mentions_take_name(&m, out);
	return m.token.kind == TOKEN_END;
}

static void
mentions_see_symbol(struct mentions *m)
{
	switch (m->last.symbol) {
	case ';':
		mentions_start_command(m);
		break;
	case '(':
		m->lists = m->lists << 1 | m->wants_table;
		m->calls =
		    m->calls << 1 | (is_name(&m->before) &&
				     keyword_of(&m->before).word == NULL);
		break;
	case ')':
		m->lists >>= 1;
		m->calls >>= 1;
		m->wants_table = false;
		break;
	case ',':
		m->wants_table = (m->lists & 1) != 0;
		m->may_be_function = true;
		break;
	default:
		m->wants_table = false;
		break;
	}
}

bool
mentions_next(struct mentions *m, struct mention *out)
{
	while (m->token.kind != TOKEN_END) {
		mentions_take(m);
		switch (m->last.kind) {
		case TOKEN_WORD:
		case TOKEN_NAME:
			if (mentions_see_name(m, out))
				return true;
			break;
		case TOKEN_STRING:
			m->wants_table = false;
			/* Even a string that is a name is a literal. */
			m->is_sure = false;
			if (mentions_may_be_relation(m) &&
			    mentions_read_string(out, &m->last))
				return true;
			break;
		case TOKEN_SYMBOL:
			mentions_see_symbol(m);
			break;
		case TOKEN_END:
			break;
		}
	}
	return false;
}
