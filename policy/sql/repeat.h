/*
 * repeat.h - may a statement be done again, unseen, behind a rollback of what
 * it has done?  By its first words only, for all traffic of a transaction;
 * statement_repeat.h looks closer once it matters.
 */
#ifndef LOCKSTEP_POLICY_SQL_REPEAT_H
#define LOCKSTEP_POLICY_SQL_REPEAT_H

#include <stddef.h>

enum repeat_hint {
	REPEAT_NEVER,   /* outlasts a rollback, or is not known */
	REPEAT_BEGIN,   /* begins a transaction block */
	REPEAT_END,     /* may end it */
	REPEAT_DEFINES, /* DDL, and the like, which shows no rows */
	REPEAT_SETS,    /* SET, SAVEPOINT: no rows, and nothing is changed */
	REPEAT_WRITES,  /* rows of one table, perhaps */
	REPEAT_NOTES,   /* the same, and names a migration tool's table */
	REPEAT_CATALOG, /* shows rows, and names a catalog or a tool's table:
			 * perhaps only those */
	REPEAT_SHOWS,   /* shows rows of anything */
};

/*
 * Tell by the first word of the text, and where it is one of rows by whether a
 * name of the catalogs, or of a tool's table, stands in it.  Linear in len;
 * never allocates.
 */
enum repeat_hint repeat_hint(const char *sql, size_t len);

#endif
