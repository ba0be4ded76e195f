/*
 * explain_text.c - for people: the statement, a sentence, and two tables whose
 * columns are as wide as their widest cell.
 *
 * Every name passes escape_text, so a cell is one line, and it is counted in
 * characters, not bytes.  A cell that is larger than any honest one is cut.
 */
#include "proxy/explain/explain_output.h"

#include <inttypes.h>
#include <string.h>

#include "policy/guard/settings.h"
#include "policy/sql/statement_text.h"
#include "proxy/base/escape.h"

enum {
	LINE_COLUMNS = 100,
	TEXT_BYTES = 2048,
	COLUMNS_MAX = 6,
	CELL_GAP = 2,
};

/* One table: a cell is written to out, TEXT_BYTES of it. */
struct layout {
	const char *const *titles; /* NULL at the end */
	size_t rows;
	bool (*shows)(const struct explain_report *r, size_t row);
	void (*cell)(char *out, const struct explain_report *r, size_t row,
		     size_t column);
};

/* Characters of a text that escape_text has passed. */
static size_t
text_columns(const char *text)
{
	size_t columns = 0;

	for (; *text != '\0'; text++)
		columns += ((unsigned char)*text & 0xC0) != 0x80;
	return columns;
}

static void
cell_text(char *out, const char *text)
{
	if (text == NULL)
		text = "?";
	escape_text(out, TEXT_BYTES, text, strlen(text));
}

static void
cell_time(char *out, uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (s < 100)
		snprintf(out, TEXT_BYTES, "%" PRIu64 ".%" PRIu64 " s", s,
			 ms / 100 % 10);
	else if (s < (uint64_t)100 * 60)
		snprintf(out, TEXT_BYTES, "%" PRIu64 " min", s / 60);
	else
		snprintf(out, TEXT_BYTES, "%" PRIu64 " h", s / 3600);
}

static void
cell_age(char *out, const struct explain_holder *h)
{
	if (h->has_age)
		cell_time(out, h->age_ms);
	else
		cell_text(out, NULL);
}

/* Tables */

static void
table_measure(size_t widths[COLUMNS_MAX], const struct explain_report *r,
	      const struct layout *l)
{
	char cell[TEXT_BYTES];
	size_t column;
	size_t row;

	for (column = 0; l->titles[column] != NULL; column++)
		widths[column] = strlen(l->titles[column]);
	for (row = 0; row < l->rows; row++) {
		if (!l->shows(r, row))
			continue;
		for (column = 0; l->titles[column] != NULL; column++) {
			l->cell(cell, r, row, column);
			if (widths[column] < text_columns(cell))
				widths[column] = text_columns(cell);
		}
	}
}

/* The last column of a line is not filled up. */
static void
table_write_cell(FILE *out, const char *cell, size_t width, bool is_last)
{
	size_t columns = text_columns(cell);

	fprintf(out, "%*s%s", CELL_GAP, "", cell);
	if (is_last)
		fputc('\n', out);
	else
		fprintf(out, "%*s", (int)(width - columns), "");
}

static void
table_write(FILE *out, const struct explain_report *r, const struct layout *l)
{
	size_t widths[COLUMNS_MAX];
	char cell[TEXT_BYTES];
	size_t column;
	size_t row;

	table_measure(widths, r, l);
	for (column = 0; l->titles[column] != NULL; column++)
		table_write_cell(out, l->titles[column], widths[column],
				 l->titles[column + 1] == NULL);
	for (row = 0; row < l->rows; row++) {
		if (!l->shows(r, row))
			continue;
		for (column = 0; l->titles[column] != NULL; column++) {
			l->cell(cell, r, row, column);
			table_write_cell(out, cell, widths[column],
					 l->titles[column + 1] == NULL);
		}
	}
}

static bool
table_shows_lock(const struct explain_report *r, size_t row)
{
	return explain_shows(&r->set.items[row]);
}

static void
table_lock_cell(char *out, const struct explain_report *r, size_t row,
		size_t column)
{
	const struct lock_item *lock = &r->set.items[row];

	switch (column) {
	case 0:
		cell_text(out, lock->name);
		break;
	case 1:
		cell_text(out, explain_kind(lock->relkind));
		break;
	case 2:
		cell_text(out, lock_mode_sql(lock->mode));
		break;
	default:
		cell_text(out, lock->is_lockable ? "yes" : "no");
		break;
	}
}

static void
text_write_locks(FILE *out, const struct explain_report *r)
{
	static const char *const titles[] = {"locks, in order", "kind", "mode",
					     "lockable", NULL};
	struct layout l = {titles, r->set.count, table_shows_lock,
			   table_lock_cell};

	table_write(out, r, &l);
}

static bool
table_shows_all(const struct explain_report *r, size_t row)
{
	(void)r;
	(void)row;
	return true;
}

static void
cell_held(char *out, const struct explain_report *r,
	  const struct explain_holder *h)
{
	int len = snprintf(out, TEXT_BYTES, "%s on ", lock_mode_sql(h->mode));
	const char *name = r->set.items[h->item].name;

	escape_text(out + len, TEXT_BYTES - (size_t)len, name, strlen(name));
}

static void
table_holder_cell(char *out, const struct explain_report *r, size_t row,
		  size_t column)
{
	const struct explain_holder *h = &r->holders[row];
	bool is_prepared = h->pid == 0;

	switch (column) {
	case 0:
		snprintf(out, TEXT_BYTES, "%" PRIu32, h->pid);
		if (is_prepared)
			cell_text(out, "none");
		break;
	case 1:
		cell_text(out, h->user);
		break;
	case 2:
		cell_text(out, h->application_name);
		break;
	case 3:
		cell_text(out, is_prepared ? "prepared" : h->state);
		break;
	case 4:
		cell_age(out, h);
		break;
	default:
		cell_held(out, r, h);
		break;
	}
}

static void
text_write_holders(FILE *out, const struct explain_report *r)
{
	static const char *const titles[] = {
	    "holder",      "user",  "application", "state",
	    "transaction", "holds", NULL};
	struct layout l = {titles, r->holder_count, table_shows_all,
			   table_holder_cell};

	table_write(out, r, &l);
}

static void
table_remembered_cell(char *out, const struct explain_report *r, size_t row,
		      size_t column)
{
	const struct explain_remembered *m = &r->memory.items[row];

	switch (column) {
	case 0:
		cell_text(out, m->relation);
		break;
	case 1:
		cell_text(out, lock_mode_sql(m->mode));
		break;
	case 2:
		cell_text(out, m->application_name);
		break;
	default:
		cell_time(out, m->age_ms);
		break;
	}
}

static void
text_write_remembered(FILE *out, const struct explain_report *r)
{
	static const char *const titles[] = {"remembered", "mode",
					     "application", "age", NULL};
	struct layout l = {titles, r->memory.count, table_shows_all,
			   table_remembered_cell};

	table_write(out, r, &l);
}

static void
table_key_cell(char *out, const struct explain_report *r, size_t row,
	       size_t column)
{
	const struct drop_key *key = &r->keys.items[row];

	cell_text(out, column == 0 ? key->name : key->relation);
}

static void
text_write_keys(FILE *out, const struct explain_report *r)
{
	static const char *const titles[] = {"foreign key", "of", NULL};
	struct layout l = {titles, r->keys.count, table_shows_all,
			   table_key_cell};

	table_write(out, r, &l);
}

/* The verdict */

static size_t
text_lockable_count(const struct explain_report *r)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < r->set.count; i++)
		count += explain_shows(&r->set.items[i]) &&
			 r->set.items[i].is_lockable;
	return count;
}

/* "pid 4711 (psql, app) in a transaction for 12.3 s holds ... on ..." */
static void
text_write_holder_sentence(FILE *out, const struct explain_report *r,
			   const struct explain_holder *h)
{
	char application[TEXT_BYTES];
	char user[TEXT_BYTES];
	char age[TEXT_BYTES];
	char held[TEXT_BYTES];

	cell_text(application, h->application_name);
	cell_text(user, h->user);
	cell_age(age, h);
	cell_held(held, r, h);
	if (h->pid == 0)
		fputs("a prepared transaction", out);
	else
		fprintf(out, "pid %" PRIu32 " (%s%s%s)", h->pid, application,
			*application != '\0' ? ", " : "", user);
	if (h->has_age)
		fprintf(out, " in a transaction for %s", age);
	fprintf(out, " holds %s", held);
}

static void
text_write_guarded(FILE *out, const struct explain_report *r)
{
	enum guard_policy policy = r->settings.policy;
	size_t lockable = text_lockable_count(r);

	fprintf(out, "  %s: ", guard_policy_name(policy));
	if (policy == GUARD_POLICY_PASS) {
		fputs("would run it as it is, and log it\n", out);
	} else if (policy == GUARD_POLICY_REJECT) {
		fputs("would refuse it\n", out);
	} else if (r->holder_count > 0) {
		fprintf(out, "would %s:\n    ",
			policy == GUARD_POLICY_LOCK ? "try again and again"
						    : "hold");
		text_write_holder_sentence(out, r, &r->holders[0]);
		if (r->holder_count > 1)
			fprintf(out, "; %zu more %s in the way",
				r->holder_count - 1,
				r->holder_count == 2 ? "is" : "are");
		fputc('\n', out);
	} else if (lockable == 0) {
		fputs("would run it at once: nobody is in the way\n", out);
	} else if (lockable == 1) {
		fputs("would lock this table at once\n", out);
	} else {
		fprintf(out, "would lock these %zu tables at once\n", lockable);
	}
}

static const char *
text_scope_name(enum guard_scope scope)
{
	switch (scope) {
	case GUARD_SCOPE_OFF:
		return "off";
	case GUARD_SCOPE_DROPS:
		return "drops";
	case GUARD_SCOPE_DDL:
		return "ddl";
	case GUARD_SCOPE_BEHIND:
		break;
	}
	return "?";
}

static void
text_write_verdict(FILE *out, const struct explain_report *r)
{
	char error[TEXT_BYTES];

	switch (r->verdict) {
	case EXPLAIN_GUARDED:
		text_write_guarded(out, r);
		if (explain_note(r) != NULL)
			fprintf(out, "  %s\n", explain_note(r));
		return;
	case EXPLAIN_FAILED:
		cell_text(error, r->error);
		fprintf(out, "  error: %s\n", error);
		return;
	case EXPLAIN_UNKNOWN:
		fputs("  not guarded: not a kind of statement that is\n", out);
		return;
	case EXPLAIN_OUT_OF_SCOPE:
		fprintf(out, "  not guarded: guard = %s leaves it out\n",
			text_scope_name(r->settings.scope));
		return;
	case EXPLAIN_SINGLE:
		fputs("  not guarded: at most one relation is locked, and "
		      "no transaction block is open\n",
		      out);
		return;
	case EXPLAIN_UNPLANNED:
	case EXPLAIN_BEHIND:
	case EXPLAIN_READ_ONLY:
	case EXPLAIN_NO_LANGUAGE:
	case EXPLAIN_BACKSLASH:
		fprintf(out, "  not guarded: %s\n", explain_note(r));
		return;
	}
}

static void
text_write_users(FILE *out, const struct explain_report *r)
{
	const struct explain_users *u = &r->users;
	char past_of[TEXT_BYTES];

	fprintf(out, "  %" PRIu64 " session%s these relations now", u->count,
		u->count == 1 ? " uses" : "s use");
	if (u->past > 0) {
		cell_text(past_of, u->past_of);
		fprintf(out,
			"; %" PRIu64 " from where no Lockstep is known to be"
			" (%s)",
			u->past, past_of);
	}
	if (u->untold > 0)
		fprintf(out, "; from where %" PRIu64 " of them is not told",
			u->untold);
	fputc('\n', out);
}

/* Where the foreign keys can go first: whether they do, and what it is for. */
static void
text_write_steps(FILE *out, const struct explain_report *r)
{
	static const char *const when[] = {
	    [GUARD_STEPS_OFF] = ("could go first, one at a time: against "
				 "traffic in several orders that no window "
				 "stops"),
	    [GUARD_STEPS_LAST] = ("will go first, one at a time, if the drop "
				  "is not done in three quarters of its time"),
	    [GUARD_STEPS_ON] = "will go first, one at a time",
	};

	fprintf(out, "  drop_in_steps = %s: %zu foreign key%s %s\n",
		guard_steps_name(r->settings.steps), r->keys.count,
		r->keys.count == 1 ? "" : "s", when[r->settings.steps]);
}

/* The length of the white space at s, if a line ends in it; else 0. */
static size_t
text_line_end(const char *s, size_t len)
{
	bool has_end = false;
	size_t n;

	for (n = 0; n < len && statement_text_is_space(s[n]); n++)
		has_end |= s[n] == '\n' || s[n] == '\r';
	return has_end ? n : 0;
}

/* Write the statement on one line, cut to LINE_COLUMNS. */
static void
text_write_statement(FILE *out, const struct explain_report *r)
{
	const size_t most = LINE_COLUMNS - strlen("...");
	const char *s = r->statement;
	size_t len = r->statement_len;
	size_t columns = 0;

	while (len > 0) {
		char next[ESCAPE_BYTES + 1] = " ";
		size_t used = text_line_end(s, len);

		if (used == 0)
			next[escape_next(next, &used, s, len, ESCAPE_TEXT)] =
			    '\0';
		columns += text_columns(next);
		if (columns > most)
			break;
		fputs(next, out);
		s += used;
		len -= used;
	}
	fputs(len > 0 ? "...\n" : "\n", out);
}

void
explain_write_text(FILE *out, const struct explain_report *r)
{
	text_write_statement(out, r);
	text_write_verdict(out, r);
	if (r->has_users && r->users.count > 0)
		text_write_users(out, r);
	if (r->keys.count > 0)
		text_write_steps(out, r);
	if (r->set.count > 0)
		text_write_locks(out, r);
	if (r->keys.count > 0)
		text_write_keys(out, r);
	if (r->memory.count > 0)
		text_write_remembered(out, r);
	if (r->holder_count > 0)
		text_write_holders(out, r);
}
