/*
 * statement_facts.h - what is known of a statement, and the caps on its parse:
 * the words that the files of the sieves share.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_FACTS_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/sql/lock_mode.h"

enum guard_scope {
	GUARD_SCOPE_OFF,   /* guard nothing */
	GUARD_SCOPE_DROPS, /* statements that drop or truncate */
	GUARD_SCOPE_DDL,   /* also others that lock existing tables */
	/*
	 * No setting reaches as far: harmless alone, these can close a circle
	 * in a transaction that keeps the locks of a guarded one.
	 */
	GUARD_SCOPE_BEHIND,
};

/* The effect of a statement on the transaction block. */
enum statement_control {
	STATEMENT_PLAIN,     /* nothing */
	STATEMENT_BEGIN,     /* BEGIN, START TRANSACTION */
	STATEMENT_END,       /* COMMIT, ROLLBACK, PREPARE TRANSACTION, ... */
	STATEMENT_END_CHAIN, /* COMMIT or ROLLBACK AND CHAIN: a block is open
				after it as before it */
	STATEMENT_SAVEPOINT, /* SAVEPOINT, RELEASE, ROLLBACK TO */
};

/* The effect of a statement on the plans of those behind it in its text. */
enum statement_effect {
	EFFECT_ANY,         /* anything; and it may wait for somebody's row */
	EFFECT_DEFINITIONS, /* other names, and more behind them */
	EFFECT_SETTINGS,    /* other names by the search_path; it may have to
			       come before any query of its transaction */
	EFFECT_LESS,        /* nothing: what they name can only be less */
};

/* Kinds of things that a statement names and the catalogs are asked about. */
enum target_kind {
	TARGET_DROP,        /* relation is dropped */
	TARGET_OBJECT,      /* an `object` that is no relation is dropped */
	TARGET_COLUMN,      /* relation loses column `part` */
	TARGET_CONSTRAINT,  /* relation loses constraint `part` */
	TARGET_DETACH,      /* partition `part` is detached from relation */
	TARGET_TRUNCATE,    /* relation is truncated */
	TARGET_LOCK,        /* relation is locked in `mode`, and no more */
	TARGET_TREE,        /* as LOCK, and so are its partitions and children,
			       unless `only` */
	TARGET_VALIDATE,    /* constraint `part` of relation is validated */
	TARGET_ENFORCE,     /* constraint `part` of relation is enforced from
			       now on, or no longer: what a key references is
			       locked in `mode` */
	TARGET_ATTACH,      /* table `part` becomes a partition of relation */
	TARGET_PARTITION,   /* relation gets a new, empty partition */
	TARGET_RETYPE,      /* column `part` of relation changes its type */
	TARGET_OWNER,       /* relation changes owner, schema or persistence: so
			       do the sequences that it owns */
	TARGET_IDENTITY,    /* as LOCK, of the sequence behind the identity
			       column `part` */
	TARGET_KEY,         /* relation, which exists, gets a foreign key that
			       references table `part` */
	TARGET_REPLACE,     /* view is replaced, if there is one where it would
			       be created */
	TARGET_UNDER,       /* as TREE; of a view, all that is under it */
	TARGET_INDEXED,     /* as LOCK, of the table of an index */
	TARGET_NAMED,       /* as TREE; of an index, as INDEXED */
	TARGET_TYPED,       /* composite type changes: so do its typed tables,
			       which lose the column `part` if there is one */
	TARGET_DOMAIN,      /* domain gets a constraint: all columns of it are
			       checked */
	TARGET_REASSIGN,    /* role loses all that it owns; named as for
			       OBJECT_OWNED */
	TARGET_PUBLICATION, /* publication loses its tables; the bare name in
			       double quotes */
};

enum { TARGET_KINDS = TARGET_PUBLICATION + 1 };

/*
 * Conditions that only the server can check.  Where one does not hold, the
 * target is no more than a LOCK.
 */
enum target_condition {
	CONDITION_NONE,
	/* TREE */
	CONDITION_BEFORE_18, /* the server's version */
	CONDITION_FROM_18,
	CONDITION_CHECK,    /* children inherit constraint `part` */
	CONDITION_NULLABLE, /* column `part` is not yet NOT NULL */
	/* TREE, partitions only */
	CONDITION_FROM_15,
	CONDITION_FROM_17,      /* column `part`, if any, is an identity too */
	CONDITION_TRIGGER,      /* `part`, or any if NULL, is for each row */
	CONDITION_USER_TRIGGER, /* likewise, and not a constraint's */
	/* CONSTRAINT: `part` is a column, and it goes with its NOT NULL, which
	 * is a constraint from 18 on */
	CONDITION_NOT_NULL,
	CONDITION_PLAIN, /* TREE: relation is not partitioned */
	/* DOMAIN */
	CONDITION_DOMAIN_NULLABLE, /* not yet NOT NULL */
	CONDITION_DOMAIN_UNPROVEN, /* constraint `part` is not valid */
	/* OWNER */
	CONDITION_OWNER, /* the owner is not `part`, as for OBJECT_OWNED */
	CONDITION_LOGGED,
	CONDITION_UNLOGGED,
};

/* The kinds of a TARGET_OBJECT, and in which form the names come. */
enum object_kind {
	OBJECT_SCHEMA, /* relation: the bare name in double quotes */
	OBJECT_EXTENSION,
	OBJECT_SERVER,
	OBJECT_WRAPPER, /* foreign data wrapper */
	OBJECT_LANGUAGE,
	OBJECT_ACCESS_METHOD,
	OBJECT_TYPE,      /* relation: as to_regtype() takes it; domains too */
	OBJECT_COLLATION, /* relation: each part in double quotes */
	OBJECT_STATISTICS,
	OBJECT_TS_CONFIGURATION, /* text search: each part in double quotes */
	OBJECT_TS_DICTIONARY,
	OBJECT_TS_PARSER,
	OBJECT_TS_TEMPLATE,
	OBJECT_OPCLASS, /* likewise; part: its access method, bare */
	OBJECT_OPFAMILY,
	OBJECT_FUNCTION, /* relation: each part in double quotes.  part: NULL if
			    no arguments were given, else "(type,type)" as
			    to_regprocedure() takes it behind the name.  Of
			    functions, procedures and aggregates */
	OBJECT_OPERATOR, /* relation: the schema in double quotes and a dot, if
			    given, and the operator; part: "(left,right)" as
			    to_regoperator() takes it, NONE for a missing one */
	OBJECT_TRIGGER,  /* relation: the table; part: the bare name */
	OBJECT_RULE,
	OBJECT_POLICY,
	OBJECT_OWNED, /* DROP OWNED BY: relation is the role's name in double
			 quotes, or current_user or session_user without */
};

struct target {
	enum target_kind kind;
	enum object_kind object; /* TARGET_OBJECT */
	/*
	 * Owned, NUL terminated, as to_regclass() takes it: each part in double
	 * quotes.  For TARGET_DETACH, ATTACH and KEY `part` has the same
	 * form; for a column, a constraint, a trigger it is the bare name.
	 */
	char *relation;
	char *part; /* NULL where the kind has none */
	/* KEY: owned, what makes two keys the same, as key.sql reads it. */
	char *shape;
	bool only;    /* the statement says ONLY, or means no children */
	bool cascade; /* the statement says CASCADE */
	bool restart_identity; /* TRUNCATE */
	enum lock_mode mode;   /* LOCK, TREE, IDENTITY, UNDER, INDEXED */
	/* TARGET_TREE: of the children only partitions.  To take it for false
	 * errs on the side of more. */
	bool partitions_only;
	enum target_condition condition;
	/* The relation gets a tie to what the statement makes or alters, whose
	 * end locks it too: that references it, inherits, or is its index. */
	bool is_tied;
};

/* True if the target's relation is one: OBJECT_... may have another name. */
static inline bool
target_names_relation(const struct target *t)
{
	if (t->kind == TARGET_OBJECT)
		return t->object == OBJECT_TRIGGER ||
		       t->object == OBJECT_RULE || t->object == OBJECT_POLICY;
	return t->kind != TARGET_DOMAIN && t->kind != TARGET_REASSIGN &&
	       t->kind != TARGET_PUBLICATION;
}

/* True if the target's part is a relation, too. */
static inline bool
target_names_pair(const struct target *t)
{
	return t->kind == TARGET_DETACH || t->kind == TARGET_ATTACH ||
	       t->kind == TARGET_KEY;
}

struct statement {
	size_t start; /* byte offset in the text: of the first token */
	size_t end;   /* behind the last token; the ';' comes after it */
	enum statement_control control;
	enum statement_effect effect;
	enum guard_scope scope; /* least scope that guards it; OFF: none */
	const char *tag;        /* "DROP TABLE", static; NULL if not guarded.
				   A DO block has the targets of all guarded
				   statements in it */
	/*
	 * False where a guarded statement's lock set cannot be planned (its
	 * kind is not covered): it passes, and is counted.
	 */
	bool has_plan;
	/*
	 * Alone outside of a block it must not come to be in one of ours: the
	 * server refuses it there (LOCK TABLE), or in a block (REINDEX of a
	 * partitioned table).
	 */
	bool is_for_block;
	/*
	 * DROP TABLE, or an ALTER TABLE that drops columns and does nothing
	 * else: its targets tell all that it does.
	 */
	bool is_plain_drop;
	bool is_brief; /* as statement_is_brief has it */
	/*
	 * A DO block in which names change before a guarded statement, and
	 * nobody can tell how: it is planned by those of before.
	 */
	bool loses_names;
	/* The text has nextval: what a sequence has given it does not take
	 * back.  Only told of a guarded one. */
	bool draws_numbers;
	/* The table or index that it makes, in a target's form; owned by the
	 * list.  Only told where that is tied to a target. */
	char *made;
	/*
	 * The statement's text, which the grammar does not know and the server
	 * may; all of the list's text where that has no other.  Owned by the
	 * list; NULL: the grammar knows it, or it was not parsed.  With a tag
	 * it is DDL of which nothing is known but the names in it.
	 */
	char *unparsed;
	struct target *targets; /* owned by the list */
	size_t target_count;
};

/* True for DDL that the grammar does not know. */
static inline bool
statement_is_unknown(const struct statement *s)
{
	return s->unparsed != NULL && s->tag != NULL;
}

struct statement_list {
	struct statement *items; /* owned */
	size_t count;
	/*
	 * Every statement was parsed and none has a syntax error, but perhaps
	 * in what is `unparsed`: that the server is to tell.  Only asked for,
	 * so only true, where a guarded statement does not stand alone in its
	 * text: to be sent in pieces that must be sound as a whole.
	 */
	bool is_sound;
	bool has_unparsed; /* one of them is `unparsed` */
};

enum statement_status {
	STATEMENT_OK,
	STATEMENT_UNPARSED,  /* a candidate that may not be cut off does not
				parse, or has a NUL */
	STATEMENT_TOO_LARGE, /* above a cap: its parse would not be cheap */
	STATEMENT_TOO_DEAR,  /* a parse would take too much memory */
	STATEMENT_NO_MEMORY,
};

enum {
	STATEMENT_PARSE_BYTES_DEFAULT = 16384,
	STATEMENT_PARSE_BYTES_MAX = 65536,
	/* The largest text that is worth a look: the scanner takes about eight
	 * times its bytes, for the shortest of tokens 45 times, and has
	 * STATEMENT_ARENA_MAX_BYTES. */
	STATEMENT_TEXT_BYTES_MAX = 8 * 1024 * 1024,
	STATEMENT_CANDIDATES_MAX = 500,
	/* Tokens that may nest in one candidate: an upper bound is counted. */
	STATEMENT_NESTING_MAX = 500,
};

#endif
