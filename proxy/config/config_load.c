/*
 * config_load.c - where the values of the settings come from.
 *
 * A source is read to its end whatever is wrong in it.  A later source
 * overwrites an earlier one, mistakes of the earlier one are mistakes all the
 * same.  Where each value came from is kept, so that a pair of settings that
 * does not go together is reported at a place that somebody wrote.  What a
 * rule's settings go with is known only when all sources are read.
 */
#include "proxy/config/config_load.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config/config_file.h"
#include "proxy/config/config_fleet.h"
#include "proxy/config/config_loop.h"
#include "proxy/config/config_rule.h"
#include "proxy/config/config_section.h"
#include "proxy/config/config_tls.h"
#include "proxy/config/mistake.h"
#include "proxy/config/setting.h"
#include "proxy/config/value.h"

#define ENVIRONMENT_PREFIX "LOCKSTEP_"

struct loading {
	struct config *config;
	struct config_sections sections;
	struct mistakes mistakes;
	struct origin origins[SETTING_COUNT]; /* where those in force stand */
	unsigned lines[SETTING_COUNT];        /* in the file; 0: not there */
};

static void
load_report_unknown(struct loading *l, struct origin origin, const char *name)
{
	size_t key = config_rule_key(name);

	if (key == CONFIG_RULE_KEYS) {
		mistake_report_unknown(&l->mistakes, &origin, name,
				       setting_nearest(name));
		return;
	}
	origin.name = config_rule_key_name(key);
	mistake_report(&l->mistakes, &origin,
		       "this can only stand in a [rule] of the file");
}

static void
load_value(struct loading *l, const struct setting *s, struct origin origin,
	   const char *text)
{
	struct value_error error;

	origin.name = s->name;
	if (*text == '\0')
		mistake_report(&l->mistakes, &origin, "the value is missing");
	else if (!setting_store(l->config, s, text, &error))
		mistake_report(&l->mistakes, &origin, "%s", error.text);
	else
		l->origins[s - setting_table] = origin;
}

static void
load_plain(struct loading *l, const struct config_file_line *line)
{
	struct origin origin = {ORIGIN_FILE, line->number, NULL};
	const struct setting *s = setting_find(line->name);
	unsigned *first;

	if (s == NULL) {
		load_report_unknown(l, origin, line->name);
		return;
	}
	first = &l->lines[s - setting_table];
	if (*first != 0) {
		origin.name = s->name;
		mistake_report(&l->mistakes, &origin,
			       "set twice; first in line %u", *first);
		return;
	}
	*first = line->number;
	load_value(l, s, origin, line->value);
}

/* A config_file_fn. */
static void
load_line(void *arg, const struct config_file_line *line)
{
	struct loading *l = arg;
	const struct origin origin = {ORIGIN_FILE, line->number, NULL};

	if (line->fault != NULL)
		mistake_report(&l->mistakes, &origin, "%s", line->fault);
	else if (line->section != NULL)
		config_section_begin(&l->sections, l->config, &l->mistakes,
				     line);
	else if (l->sections.kind == SECTION_NONE)
		load_plain(l, line);
	else
		config_section_apply(&l->sections, l->config, &l->mistakes,
				     line);
}

/*
 * "NAME=VALUE" behind the prefix.  An unknown name is only a warning: others
 * set such variables too (Kubernetes for a service named lockstep, for one).
 * An empty value is none, as it is for libpq.
 */
static void
load_variable(struct loading *l, const char *variable)
{
	struct origin origin = {.kind = ORIGIN_ENVIRONMENT};
	char name[MISTAKE_NAME_BYTES + 1];
	const char *equals = strchr(variable, '=');
	const struct setting *s;
	size_t i;

	if (equals == NULL || equals[1] == '\0')
		return;
	for (i = 0; variable + i < equals && i < MISTAKE_NAME_BYTES; i++)
		name[i] = (char)tolower((unsigned char)variable[i]);
	name[i] = '\0';
	s = setting_find(name);
	if (s != NULL && variable + i == equals) {
		load_value(l, s, origin, equals + 1);
	} else if (mistake_looks_like_name(name)) {
		origin.name = name;
		mistake_print_origin(&l->mistakes, &origin);
		fprintf(l->mistakes.out,
			"warning: no such setting; the nearest known one is "
			"\"%s\"\n",
			setting_nearest(name));
	}
}

static void
load_environment(struct loading *l, char *const *environment)
{
	const size_t prefix_len = strlen(ENVIRONMENT_PREFIX);

	for (; *environment != NULL; environment++)
		if (strncmp(*environment, ENVIRONMENT_PREFIX, prefix_len) == 0)
			load_variable(l, *environment + prefix_len);
}

static void
load_set(struct loading *l, const char *text)
{
	struct origin origin = {.kind = ORIGIN_SET};
	const char *equals = strchr(text, '=');
	const struct setting *s;
	char *name;

	if (equals == NULL) {
		mistake_report(&l->mistakes, &origin, "expected NAME=VALUE");
		return;
	}
	name = strndup(text, (size_t)(equals - text));
	if (name == NULL) {
		mistake_report(&l->mistakes, &origin, "out of memory");
		return;
	}
	s = setting_find(name);
	if (s != NULL)
		load_value(l, s, origin, equals + 1);
	else
		load_report_unknown(l, origin, name);
	free(name);
}

/* Take the values that were SET in the console. */
static void
load_of_console(struct loading *l, const char *const *values)
{
	struct origin origin = {.kind = ORIGIN_CONSOLE};
	const struct setting *s;

	for (s = setting_table; s < setting_table + SETTING_COUNT; s++)
		if (values[s - setting_table] != NULL)
			load_value(l, s, origin, values[s - setting_table]);
}

static void
load_presets(struct loading *l)
{
	struct value_error error;
	const struct setting *s;

	for (s = setting_table; s < setting_table + SETTING_COUNT; s++) {
		l->origins[s - setting_table].name = s->name;
		if (s->preset != NULL &&
		    !setting_store(l->config, s, s->preset, &error))
			mistake_report(&l->mistakes,
				       &l->origins[s - setting_table], "%s",
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

static void
load_check_together(struct loading *l)
{
	const struct origin *attempt =
	    &l->origins[setting_of_guard(GUARD_SETTING_ATTEMPT_TIMEOUT) -
			setting_table];
	const struct origin *hold =
	    &l->origins[setting_of_guard(GUARD_SETTING_HOLD_TIMEOUT) -
			setting_table];

	config_check_together(&l->config->guard, &l->mistakes,
			      attempt->kind == ORIGIN_PRESET ? hold : attempt);
}

static bool
config_any_rule_guards(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->rule_count; i++) {
		const struct settings_part *part = &c->rules[i].part;

		if (settings_part_has(part, GUARD_SETTING_GUARD) &&
		    part->values.scope != GUARD_SCOPE_OFF)
			return true;
	}
	return false;
}

static enum guard_scope
config_scope_to_detect(const struct config *c)
{
	bool is_off =
	    c->guard.scope == GUARD_SCOPE_OFF && !config_any_rule_guards(c);

	return is_off ? GUARD_SCOPE_OFF : GUARD_SCOPE_DDL;
}

static enum guard_replay
config_replay_to_record(const struct config *c)
{
	enum guard_replay most = c->guard.replay;
	size_t i;

	for (i = 0; i < c->rule_count; i++) {
		const struct settings_part *part = &c->rules[i].part;

		if (settings_part_has(part, GUARD_SETTING_REPLAY) &&
		    part->values.replay > most)
			most = part->values.replay;
	}
	return c->detect == GUARD_SCOPE_OFF ? GUARD_REPLAY_OFF : most;
}

static const struct origin *
load_origin(const struct loading *l, const char *name)
{
	return &l->origins[setting_find(name) - setting_table];
}

static void
load_check_tls(struct loading *l)
{
	const struct config_tls_origins origins = {
	    .tls_mode = load_origin(l, "tls_mode"),
	    .tls_cert = load_origin(l, "tls_cert"),
	    .tls_key = load_origin(l, "tls_key"),
	    .tls_crl = load_origin(l, "tls_crl"),
	    .auth = load_origin(l, "auth"),
	    .upstream = load_origin(l, "upstream"),
	};

	config_tls_check(l->config, &origins, &l->mistakes);
}

static void
load_check_loop(struct loading *l)
{
	config_loop_check(l->config, load_origin(l, "upstream"), &l->mistakes);
}

static void
load_check_fleet(struct loading *l)
{
	config_fleet_check(l->config, load_origin(l, "fleet"), &l->mistakes);
}

/* Read the file, or its text of before. */
static void
load_file(struct loading *l, const struct config_sources *sources)
{
	const struct origin origin = {.kind = ORIGIN_FILE};
	struct config_text *text = &l->config->text;

	if (sources->text == NULL)
		config_file_read(text, sources->file, load_line, l);
	else if (config_text_copy(text, sources->text))
		config_text_parse(text, load_line, l);
	else
		mistake_report(&l->mistakes, &origin, "out of memory");
}

static void
load_sources(struct loading *l, const struct config_sources *sources)
{
	size_t i;

	if (sources->file != NULL)
		load_file(l, sources);
	if (sources->environ != NULL)
		load_environment(l, sources->environ);
	for (i = 0; i < sources->set_count; i++)
		load_set(l, sources->sets[i]);
	if (sources->of_console != NULL)
		load_of_console(l, sources->of_console);
}

/* Keep where each setting comes from, for SHOW CONFIG. */
static void
load_keep_origins(struct loading *l)
{
	size_t i;

	for (i = 0; i < SETTING_COUNT; i++)
		l->config->origins[i] = (uint8_t)l->origins[i].kind;
}

struct config *
config_load(const struct config_sources *sources, FILE *errors)
{
	struct loading l = {
	    .mistakes = {.file = sources->file, .out = errors},
	};

	l.config = calloc(1, sizeof(*l.config));
	if (l.config == NULL) {
		fputs("out of memory\n", errors);
		return NULL;
	}
	l.config->workers = usable_cpu_count();
	load_presets(&l);
	load_sources(&l, sources);
	load_keep_origins(&l);
	load_check_together(&l);
	load_check_tls(&l);
	load_check_fleet(&l);
	load_check_loop(&l);
	config_sections_check(&l.sections, l.config, &l.mistakes);
	config_sections_clear(&l.sections);
	l.config->detect = config_scope_to_detect(l.config);
	l.config->records = config_replay_to_record(l.config);
	mistake_report_rest(&l.mistakes);
	if (l.mistakes.count == 0)
		return l.config;
	config_free(l.config);
	return NULL;
}
