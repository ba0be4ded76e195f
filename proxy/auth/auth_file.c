/*
 * auth_file.c - lines of two quoted texts into a sorted array.
 *
 * A line with a mistake is left out, for others are not to suffer: the name of
 * a role may have a newline, which makes two such lines.  As quotes within are
 * written twice, none of these can be taken for another role's.  A mistake in a
 * last line that no newline ends is the file's: it was read amid a write, and
 * roles that are still to come would be left out with it.
 *
 * A line with a wrong quote can have a password anywhere, the role included,
 * so no message shows any byte of it.  No copy is left in memory either: lines
 * and the stream's buffer are wiped, and what is sorted and grows are pointers,
 * as neither qsort nor realloc wipes what it moves from.
 */
#include "proxy/auth/auth_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/scram.h"
#include "proxy/config/mistake.h"
#include "proxy/tls/secret_file.h"

#define TAKE_VERIFIER                                                          \
	"take the text that pg_authid.rolpassword has for the role, "          \
	"\"SCRAM-SHA-256$...\""

enum {
	DEFAULT_ITERATIONS = 4096,
};

struct entry {
	struct scram_verifier verifier;
	unsigned line;
	size_t role_len;
	uint8_t role[];
};

struct auth_file {
	struct entry **entries; /* owned; sorted by role once all are read */
	size_t count;
	size_t cap;
};

struct parsing {
	FILE *in;
	struct mistakes mistakes;
	bool is_refused; /* the whole file, and not a line of it alone */
	bool is_at_end;  /* no newline ends the line in `text` */
	unsigned line;
	struct auth_file *out;
	char text[AUTH_FILE_LINE_BYTES + 1];
};

static void
auth_file_report(struct parsing *p, const char *what)
{
	struct origin origin = {.kind = ORIGIN_FILE, .line = p->line};

	mistake_report(&p->mistakes, &origin, "%s", what);
}

/* Report what makes the file unfit as a whole. */
static void
auth_file_refuse(struct parsing *p, const char *what)
{
	p->is_refused = true;
	auth_file_report(p, what);
}

static int
auth_role_compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len == 0 ? 0 : memcmp(a.data, b.data, len);

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

static struct span
auth_entry_role(const struct entry *e)
{
	return span_of(e->role, e->role_len);
}

/* Equal roles in the order of their lines. */
static int
auth_entry_compare(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a;
	const struct entry *y = *(struct entry *const *)b;
	int order = auth_role_compare(auth_entry_role(x), auth_entry_role(y));

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int
auth_key_compare(const void *key, const void *entry)
{
	const struct span *role = key;

	return auth_role_compare(
	    *role, auth_entry_role(*(struct entry *const *)entry));
}

static bool
auth_entries_reserve(struct auth_file *f)
{
	size_t cap = f->cap == 0 ? 16 : 2 * f->cap;
	struct entry **entries;

	if (f->count < f->cap)
		return true;
	entries = realloc(f->entries, cap * sizeof(struct entry *));
	if (entries == NULL)
		return false;
	f->entries = entries;
	f->cap = cap;
	return true;
}

static bool
auth_entry_add(struct auth_file *f, const char *role, unsigned line,
	       const struct scram_verifier *verifier)
{
	size_t len = strlen(role);
	struct entry *e;

	if (!auth_entries_reserve(f))
		return false;
	e = malloc(sizeof(*e) + len);
	if (e == NULL)
		return false;
	e->verifier = *verifier;
	e->line = line;
	e->role_len = len;
	memcpy(e->role, role, len);
	f->entries[f->count++] = e;
	return true;
}

/*
 * Read the next line into p->text, without its newline; *fault is set if it
 * is wrong, and left alone otherwise.  False: there is no line.
 */
static bool
auth_line_fill(struct parsing *p, const char **fault)
{
	size_t len = 0;
	int c = getc_unlocked(p->in);

	if (c == EOF)
		return false;
	for (; c != EOF && c != '\n'; c = getc_unlocked(p->in)) {
		if (c == '\0')
			*fault = "a NUL byte: this is not a text file";
		else if (len < AUTH_FILE_LINE_BYTES)
			p->text[len++] = (char)c;
		else if (*fault == NULL)
			*fault = "longer than 4096 bytes: one role and its "
				 "verifier a line";
	}
	p->text[len] = '\0';
	p->is_at_end = c == EOF;
	p->line++;
	return true;
}

static bool
auth_line_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static char *
auth_line_skip_blanks(char *s)
{
	while (auth_line_is_blank(*s))
		s++;
	return s;
}

/*
 * Take a text in quotes at *at, with "" made one " in place; *at is moved
 * behind it.  NULL: no quote, or not the second one, or no blank behind that.
 */
static char *
auth_line_take_quoted(char **at)
{
	char *from = *at;
	char *text, *to;

	if (*from != '"')
		return NULL;
	text = to = ++from;
	for (; *from != '"' || from[1] == '"'; from++) {
		if (*from == '\0')
			return NULL;
		if (*from == '"')
			from++;
		*to++ = *from;
	}
	from++;
	if (*from != '\0' && !auth_line_is_blank(*from))
		return NULL;
	*to = '\0';
	*at = from;
	return text;
}

static const char *
auth_secret_fault(const char *secret)
{
	if (*secret == '\0')
		return "no verifier; " TAKE_VERIFIER;
	if (strncmp(secret, "md5", 3) == 0)
		return "an MD5 hash cannot be used: set the role's password "
		       "anew with password_encryption = 'scram-sha-256', "
		       "then " TAKE_VERIFIER;
	if (strncmp(secret, "SCRAM-", 6) == 0)
		return "not a whole SCRAM-SHA-256 verifier; " TAKE_VERIFIER;
	return "a plain password is not accepted; " TAKE_VERIFIER;
}

/* Add the entry of a line that has one; returns what is wrong with it, or NULL.
 */
static const char *
auth_entry_parse(struct parsing *p, char *at)
{
	struct scram_verifier verifier;
	const char *role = auth_line_take_quoted(&at);
	const char *secret;
	bool is_added;

	if (role == NULL)
		return "expected \"role\" \"SCRAM-SHA-256$...\": the role is "
		       "not in double quotes (a quote within is written twice)";
	if (*role == '\0')
		return "the name of the role is empty";
	at = auth_line_skip_blanks(at);
	secret = auth_line_take_quoted(&at);
	if (secret == NULL)
		return "expected \"role\" \"SCRAM-SHA-256$...\": the verifier "
		       "is not in double quotes";
	if (!scram_verifier_parse(&verifier, secret))
		return auth_secret_fault(secret);
	is_added = auth_entry_add(p->out, role, p->line, &verifier);
	explicit_bzero(&verifier, sizeof(verifier));
	if (!is_added)
		auth_file_refuse(p, "out of memory");
	return NULL;
}

static void
auth_line_report(struct parsing *p, const char *fault)
{
	struct origin origin = {.kind = ORIGIN_FILE, .line = p->line};

	p->is_refused |= p->is_at_end;
	mistake_report(&p->mistakes, &origin, "%s%s", fault,
		       p->is_at_end
			   ? "; the file ends amid this line, and is refused"
			   : "");
}

/* Take in a line.  False: no line behind this one is worth reading. */
static bool
auth_line_parse(struct parsing *p, const char *fault)
{
	char *at = p->text;

	if (p->line == 1 && strncmp(at, "\xEF\xBB\xBF", 3) == 0)
		at += 3;
	at = auth_line_skip_blanks(at);
	if (fault == NULL && (*at == '\0' || *at == ';' || *at == '#'))
		return true;
	if (p->out->count == AUTH_FILE_ROLES_MAX) {
		auth_file_refuse(
		    p, "more than 1000000 roles: leave out those that do "
		       "not log in here");
		return false;
	}
	if (fault == NULL)
		fault = auth_entry_parse(p, at);
	if (fault != NULL)
		auth_line_report(p, fault);
	return true;
}

static void
auth_lines_parse(struct parsing *p)
{
	const char *fault = NULL;

	while (auth_line_fill(p, &fault) && auth_line_parse(p, fault))
		fault = NULL;
	if (!ferror(p->in))
		return;
	p->line = 0;
	auth_file_refuse(p, strerror(errno));
}

static void
auth_entries_sort(struct parsing *p)
{
	struct auth_file *f = p->out;

	if (f->count > 0)
		qsort(f->entries, f->count, sizeof(struct entry *),
		      auth_entry_compare);
	for (size_t i = 1; i < f->count; i++) {
		const struct entry *before = f->entries[i - 1];
		const struct entry *e = f->entries[i];
		struct origin origin = {.kind = ORIGIN_FILE, .line = e->line};

		if (auth_role_compare(auth_entry_role(before),
				      auth_entry_role(e)) != 0)
			continue;
		p->is_refused = true;
		mistake_report(&p->mistakes, &origin,
			       "the role of line %u again: keep one of them",
			       before->line);
	}
}

struct auth_file *
auth_file_parse(FILE *in, const char *name, FILE *errors)
{
	struct parsing p = {.in = in,
			    .mistakes = {.file = name, .out = errors}};

	p.out = calloc(1, sizeof(*p.out));
	if (p.out == NULL) {
		auth_file_refuse(&p, "out of memory");
		return NULL;
	}
	auth_lines_parse(&p);
	explicit_bzero(p.text, sizeof(p.text));
	auth_entries_sort(&p);
	mistake_report_rest(&p.mistakes);
	/* A file without one good line is not what it is taken for. */
	if (!p.is_refused && (p.mistakes.count == 0 || p.out->count > 0))
		return p.out;
	auth_file_free(p.out);
	return NULL;
}

struct auth_file *
auth_file_read(const char *path, FILE *errors)
{
	char why[1024];
	struct secret_file file;
	struct auth_file *f;

	if (!secret_file_open(&file, path, "auth_file", why, sizeof(why))) {
		fprintf(errors, "%s\n", why);
		return NULL;
	}
	f = auth_file_parse(file.stream, path, errors);
	secret_file_close(&file);
	return f;
}

void
auth_file_free(struct auth_file *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++) {
		explicit_bzero(f->entries[i], sizeof(*f->entries[i]));
		free(f->entries[i]);
	}
	free(f->entries);
	free(f);
}

const struct scram_verifier *
auth_file_find(const struct auth_file *f, struct span role)
{
	struct entry *const *found = NULL;

	if (f->count > 0)
		found = bsearch(&role, f->entries, f->count,
				sizeof(struct entry *), auth_key_compare);
	return found == NULL ? NULL : &(*found)->verifier;
}

size_t
auth_file_count(const struct auth_file *f)
{
	return f->count;
}

/* The vote of Boyer and Moore: the one with the majority is left over. */
uint32_t
auth_file_iterations(const struct auth_file *f)
{
	uint32_t winner = DEFAULT_ITERATIONS;
	size_t votes = 0;

	for (size_t i = 0; i < f->count; i++) {
		uint32_t choice = f->entries[i]->verifier.iterations;

		if (votes == 0)
			winner = choice;
		if (choice == winner)
			votes++;
		else
			votes--;
	}
	return winner;
}
