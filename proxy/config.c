/*
 * config.c - where the values of the settings come from.
 *
 * A source is read to its end whatever is wrong in it.  A later source
 * overwrites an earlier one, mistakes of the earlier one are mistakes all the
 * same.  Where each value came from is kept, so that a pair of settings that
 * does not go together is reported at a place that somebody wrote.
 */
#include "proxy/config.h"

#include <assert.h>
#include <ctype.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config_file.h"
#include "proxy/endpoint.h"
#include "proxy/setting.h"
#include "proxy/value.h"

#define ENVIRONMENT_PREFIX "LOCKSTEP_"

enum {
	NAME_BYTES_MAX = 40,
	MISTAKES_MAX = 50, /* a binary file has one a line */
};

enum origin_kind {
	ORIGIN_PRESET,
	ORIGIN_FILE,
	ORIGIN_ENVIRONMENT,
	ORIGIN_SET,
};

/* Where a text stands. */
struct origin {
	enum origin_kind kind;
	unsigned line;    /* ORIGIN_FILE; 0: the file as a whole */
	const char *name; /* borrowed; NULL where there is none to show */
};

struct loading {
	struct config *config;
	const char *file;
	FILE *errors;
	size_t mistake_count;
	struct origin origins[SETTING_COUNT]; /* of the values in force */
	unsigned lines[SETTING_COUNT];        /* in the file; 0: not there */
};

static void
print_origin(const struct loading *l, const struct origin *origin)
{
	const char *name = origin->name == NULL ? "" : origin->name;

	switch (origin->kind) {
	case ORIGIN_PRESET:
		fprintf(l->errors, "%s: ", name);
		break;
	case ORIGIN_FILE:
		fprintf(l->errors, "%s:", l->file);
		if (origin->line > 0)
			fprintf(l->errors, "%u:", origin->line);
		fprintf(l->errors, " %s%s", name, *name == '\0' ? "" : ": ");
		break;
	case ORIGIN_ENVIRONMENT:
		fputs(ENVIRONMENT_PREFIX, l->errors);
		for (; *name != '\0'; name++)
			fputc(toupper((unsigned char)*name), l->errors);
		fputs(": ", l->errors);
		break;
	case ORIGIN_SET:
		fprintf(l->errors, "--set%s%s: ", *name == '\0' ? "" : " ",
			name);
		break;
	}
}

static void __attribute__((format(printf, 3, 4)))
complain(struct loading *l, const struct origin *origin, const char *format,
	 ...)
{
	va_list args;

	l->mistake_count++;
	if (l->mistake_count > MISTAKES_MAX)
		return;
	print_origin(l, origin);
	va_start(args, format);
	vfprintf(l->errors, format, args);
	va_end(args);
	fputc('\n', l->errors);
}

/*
 * Anything else is not shown: with a wrong quote or a wrong flag a name can
 * be part of a CONNINFO.
 */
static bool
looks_like_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	return len > 0 && len <= NAME_BYTES_MAX && name[len] == '\0';
}

static void
complain_unknown(struct loading *l, struct origin origin, const char *name)
{
	if (looks_like_name(name))
		complain(l, &origin,
			 "unknown setting \"%s\"; the nearest known one is "
			 "\"%s\"",
			 name, setting_nearest(name));
	else
		complain(l, &origin, "this is not the name of a setting");
}

static void
apply(struct loading *l, const struct setting *s, struct origin origin,
      const char *text)
{
	struct value_error error;

	origin.name = s->name;
	if (*text == '\0')
		complain(l, &origin, "the value is missing");
	else if (!setting_store(l->config, s, text, &error))
		complain(l, &origin, "%s", error.text);
	else
		l->origins[s - setting_table] = origin;
}

/* A config_file_fn. */
static void
apply_line(void *arg, const struct config_file_line *line)
{
	struct loading *l = arg;
	struct origin origin = {ORIGIN_FILE, line->number, NULL};
	const struct setting *s;
	unsigned *first;

	if (line->fault != NULL) {
		complain(l, &origin, "%s", line->fault);
		return;
	}
	s = setting_find(line->name);
	if (s == NULL) {
		complain_unknown(l, origin, line->name);
		return;
	}
	first = &l->lines[s - setting_table];
	if (*first != 0) {
		origin.name = s->name;
		complain(l, &origin, "set twice; first in line %u", *first);
		return;
	}
	*first = line->number;
	apply(l, s, origin, line->value);
}

/*
 * "NAME=VALUE" behind the prefix.  An unknown name is only a warning: others
 * set such variables too (Kubernetes for a service named lockstep, for one).
 * An empty value is none, as it is for libpq.
 */
static void
apply_variable(struct loading *l, const char *variable)
{
	struct origin origin = {.kind = ORIGIN_ENVIRONMENT};
	char name[NAME_BYTES_MAX + 1];
	const char *equals = strchr(variable, '=');
	const struct setting *s;
	size_t i;

	if (equals == NULL || equals[1] == '\0')
		return;
	for (i = 0; variable + i < equals && i < NAME_BYTES_MAX; i++)
		name[i] = (char)tolower((unsigned char)variable[i]);
	name[i] = '\0';
	s = setting_find(name);
	if (s != NULL && variable + i == equals) {
		apply(l, s, origin, equals + 1);
	} else if (looks_like_name(name)) {
		origin.name = name;
		print_origin(l, &origin);
		fprintf(l->errors,
			"warning: no such setting; the nearest known one is "
			"\"%s\"\n",
			setting_nearest(name));
	}
}

static void
apply_environment(struct loading *l, char *const *environment)
{
	const size_t prefix_len = strlen(ENVIRONMENT_PREFIX);

	for (; *environment != NULL; environment++)
		if (strncmp(*environment, ENVIRONMENT_PREFIX, prefix_len) == 0)
			apply_variable(l, *environment + prefix_len);
}

static void
apply_set(struct loading *l, const char *text)
{
	struct origin origin = {.kind = ORIGIN_SET};
	const char *equals = strchr(text, '=');
	const struct setting *s;
	char *name;

	if (equals == NULL) {
		complain(l, &origin, "expected NAME=VALUE");
		return;
	}
	name = strndup(text, (size_t)(equals - text));
	if (name == NULL) {
		complain(l, &origin, "out of memory");
		return;
	}
	s = setting_find(name);
	if (s != NULL)
		apply(l, s, origin, equals + 1);
	else
		complain_unknown(l, origin, name);
	free(name);
}

static void
apply_presets(struct loading *l)
{
	struct value_error error;
	const struct setting *s;

	for (s = setting_table; s < setting_table + SETTING_COUNT; s++) {
		l->origins[s - setting_table].name = s->name;
		if (s->preset != NULL &&
		    !setting_store(l->config, s, s->preset, &error))
			complain(l, &l->origins[s - setting_table], "%s",
				 error.text);
	}
}

/* The CPUs that this process may use, not those that the machine has. */
static uint32_t
usable_cpu_count(void)
{
	cpu_set_t cpus;
	int count;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return 1;
	count = CPU_COUNT(&cpus);
	return count < SETTING_WORKERS_MAX ? (uint32_t)count
					   : SETTING_WORKERS_MAX;
}

/* Settings that are fine by themselves and wrong together. */
static void
check_together(struct loading *l)
{
	const struct guard_settings *guard = &l->config->guard;
	size_t attempt =
	    (size_t)(setting_find("attempt_timeout") - setting_table);
	size_t hold = (size_t)(setting_find("hold_timeout") - setting_table);
	char attempt_text[24];
	char hold_text[24];

	if (guard->attempt_timeout_ms <= guard->hold_timeout_ms)
		return;
	value_format_number(attempt_text, sizeof(attempt_text), VALUE_DURATION,
			    guard->attempt_timeout_ms);
	value_format_number(hold_text, sizeof(hold_text), VALUE_DURATION,
			    guard->hold_timeout_ms);
	complain(l,
		 l->origins[attempt].kind == ORIGIN_PRESET
		     ? &l->origins[hold]
		     : &l->origins[attempt],
		 "attempt_timeout (%s) is longer than hold_timeout (%s)",
		 attempt_text, hold_text);
}

struct config *
config_load(const struct config_sources *sources, FILE *errors)
{
	struct loading l = {.file = sources->file, .errors = errors};
	size_t i;

	l.config = calloc(1, sizeof(*l.config));
	if (l.config == NULL) {
		fputs("out of memory\n", errors);
		return NULL;
	}
	l.config->workers = usable_cpu_count();
	apply_presets(&l);
	if (sources->file != NULL)
		config_file_read(sources->file, apply_line, &l);
	if (sources->environ != NULL)
		apply_environment(&l, sources->environ);
	for (i = 0; i < sources->set_count; i++)
		apply_set(&l, sources->sets[i]);
	check_together(&l);
	if (l.mistake_count > MISTAKES_MAX)
		fprintf(errors, "%zu mistakes more are not shown\n",
			l.mistake_count - MISTAKES_MAX);
	if (l.mistake_count == 0)
		return l.config;
	config_free(l.config);
	return NULL;
}

void
config_free(struct config *config)
{
	struct endpoint_list listen;
	struct endpoint_list upstream;

	if (config == NULL)
		return;
	listen = (struct endpoint_list){config->listen, config->listen_count};
	upstream =
	    (struct endpoint_list){config->upstream, config->upstream_count};
	endpoint_list_clear(&listen);
	endpoint_list_clear(&upstream);
	free(config->upstream_conninfo);
	setting_clear_order(&config->guard.order);
	free(config);
}
