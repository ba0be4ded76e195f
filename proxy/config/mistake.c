#include "proxy/config/mistake.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

enum {
	SHOWN_MAX = 50, /* a binary file has one a line */
};

void
mistake_print_origin(const struct mistakes *m, const struct origin *origin)
{
	const char *name = origin->name == NULL ? "" : origin->name;

	switch (origin->kind) {
	case ORIGIN_PRESET:
		fprintf(m->out, "%s: ", name);
		break;
	case ORIGIN_FILE:
		fprintf(m->out, "%s:", m->file);
		if (origin->line > 0)
			fprintf(m->out, "%u:", origin->line);
		fprintf(m->out, " %s%s", name, *name == '\0' ? "" : ": ");
		break;
	case ORIGIN_ENVIRONMENT:
		fputs("LOCKSTEP_", m->out);
		for (; *name != '\0'; name++)
			fputc(toupper((unsigned char)*name), m->out);
		fputs(": ", m->out);
		break;
	case ORIGIN_SET:
		fprintf(m->out, "--set%s%s: ", *name == '\0' ? "" : " ", name);
		break;
	case ORIGIN_CONSOLE:
		fprintf(m->out, "SET %s: ", name);
		break;
	}
}

void
mistake_report(struct mistakes *m, const struct origin *origin,
	       const char *format, ...)
{
	va_list args;

	m->count++;
	if (m->count > SHOWN_MAX)
		return;
	mistake_print_origin(m, origin);
	va_start(args, format);
	vfprintf(m->out, format, args);
	va_end(args);
	fputc('\n', m->out);
}

bool
mistake_looks_like_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	return len > 0 && len <= MISTAKE_NAME_BYTES && name[len] == '\0';
}

void
mistake_report_unknown(struct mistakes *m, const struct origin *origin,
		       const char *name, const char *nearest)
{
	if (mistake_looks_like_name(name))
		mistake_report(m, origin,
			       "unknown setting \"%s\"; the nearest known one "
			       "is \"%s\"",
			       name, nearest);
	else
		mistake_report(m, origin, "this is not the name of a setting");
}

void
mistake_report_rest(const struct mistakes *m)
{
	if (m->count > SHOWN_MAX)
		fprintf(m->out, "%zu mistakes more are not shown\n",
			m->count - SHOWN_MAX);
}
