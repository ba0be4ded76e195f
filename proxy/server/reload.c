/*
 * reload.c - a new generation of settings, made beside the one in force.
 *
 * Everything is read before anything changes, so that a mistake anywhere leaves
 * all as it was.  Sessions take settings and credentials as one, those in force
 * when they come, and keep them.  A setting that needs a restart has its value
 * of the start in each generation, which thereby tells what is in force.
 *
 * SET makes a generation, too: of the sources as they were read last, with one
 * value more over them, and of the same credentials.
 */
#include "proxy/server/reload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proxy/auth/credentials.h"
#include "proxy/base/log.h"
#include "proxy/base/log_limit.h"
#include "proxy/base/log_sink.h"
#include "proxy/config/setting_show.h"
#include "proxy/net/handshake_pool.h"
#include "proxy/server/process.h"
#include "proxy/server/secrets.h"
#include "proxy/server/shared.h"
#include "proxy/server/summary.h"

bool
reload_begin(struct reload *r, struct generation *first)
{
	struct daemon *d = r->daemon;
	struct credentials *credentials =
	    secrets_load_credentials(first, NULL, secrets_log, NULL);

	r->current = generation_use(first);
	if (credentials == NULL)
		return false;
	d->credentials = credentials_store_new(credentials);
	d->generations = generation_store_new(generation_use(first));
	if (d->credentials != NULL && d->generations != NULL)
		return true;
	log_line(LOG_ERROR, "out of memory");
	return false;
}

void
reload_end(struct reload *r)
{
	credentials_store_free(r->daemon->credentials);
	generation_store_free(r->daemon->generations);
	generation_release(r->current);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		free(r->of_console[i]);
}

/* Everything that is read, to be put in force once all of it is there. */
struct reading {
	FILE *mistakes; /* writes out->mistakes; NULL: no memory */
	size_t mistakes_len;
	struct console_reload *out;
	struct generation *generation;
	struct credentials *credentials;
	struct fleet_key *fleet_key;
	bool is_of_set;
	bool is_bad;
};

/* A secrets_tell. */
static void
reading_tell(void *arg, bool is_fatal, const char *mistake)
{
	struct reading *n = arg;

	if (!is_fatal) {
		if (!n->is_of_set) /* else nothing was read anew */
			secrets_log(NULL, false, mistake);
		return;
	}
	n->is_bad = true;
	if (!n->is_of_set)
		log_line(LOG_ERROR, "configuration not reloaded: %s", mistake);
	if (n->mistakes != NULL)
		fprintf(n->mistakes, "%s%s", ftell(n->mistakes) > 0 ? "\n" : "",
			mistake);
}

/* As reading_tell, with what it is about before it. */
static void
reading_tell_of(struct reading *n, const char *what, const char *mistake)
{
	char line[512];

	snprintf(line, sizeof(line), "%s: %s", what, mistake);
	reading_tell(n, true, line);
}

/*
 * True if the file can be read once more.  A pipe, as of a shell's <(...), has
 * nothing any more, and could be waited for without end.
 */
static bool
reading_can_read(struct reading *n, const char *file)
{
	struct stat s;

	/* Whoever reads it tells that it cannot be opened. */
	if (file == NULL || stat(file, &s) != 0 || !S_ISFIFO(s.st_mode))
		return true;
	reading_tell_of(n, file, "a pipe can be read once only");
	return false;
}

static struct config *
reading_load_config(struct reading *n, const struct config_sources *sources)
{
	struct config *fresh;

	if (sources->text == NULL && !reading_can_read(n, sources->file))
		return NULL;
	fresh = secrets_load_config(sources, reading_tell, n);
	if (fresh == NULL || fresh->upstream_count > 0)
		return fresh;
	reading_tell(n, true, "upstream: it is not set any more");
	config_free(fresh);
	return NULL;
}

/* Read the settings, and make a generation of them to follow that one. */
static void
reading_make_generation(struct reading *n, const struct config_sources *sources,
			const struct generation *old)
{
	struct config *fresh = reading_load_config(n, sources);

	if (fresh == NULL)
		return;
	n->generation = generation_new(fresh, old->number + 1);
	if (n->generation != NULL &&
	    config_change_make(&n->out->change, n->generation->config,
			       old->config))
		return;
	reading_tell(n, true, "out of memory");
}

/* Encryption has threads of its own, which a process without it has not. */
static void
reading_start_handshakes(struct reading *n, const struct daemon *d)
{
	if (config_has_tls(n->generation->config) &&
	    !handshake_pool_start(d->handshakes))
		reading_tell_of(n, "cannot start a thread", strerror(errno));
}

static void
reading_load_credentials(struct reading *n, const struct daemon *d)
{
	struct credentials *old = credentials_store_use(d->credentials);

	n->credentials =
	    secrets_load_credentials(n->generation, old, reading_tell, n);
	credentials_release(old);
}

/* The sources of the start, and over them what SET gave. */
static struct config_sources
reload_sources(const struct reload *r)
{
	struct config_sources sources = *r->sources;

	sources.of_console = (const char *const *)r->of_console;
	return sources;
}

/* Read all, and tell all mistakes. */
static void
reading_load(struct reading *n, const struct reload *r)
{
	const struct config_sources sources = reload_sources(r);
	struct generation *old = r->current;

	if (!log_sink_reopen())
		reading_tell_of(n, "log_file", strerror(errno));
	reading_make_generation(n, &sources, old);
	if (r->fleet != NULL)
		n->fleet_key = secrets_load_fleet_key(r->daemon->start_config,
						      reading_tell, n);
	if (n->generation == NULL)
		return;
	reading_load_credentials(n, r->daemon);
	if (!n->is_bad)
		reading_start_handshakes(n, r->daemon);
}

/* Make a generation of what was read last, and of what SET gave. */
static void
reading_load_set(struct reading *n, const struct reload *r)
{
	struct config_sources sources = reload_sources(r);
	struct credentials *old;

	sources.text = &r->current->config->text;
	reading_make_generation(n, &sources, r->current);
	if (n->generation == NULL)
		return;
	old = credentials_store_use(r->daemon->credentials);
	n->credentials = credentials_for_generation(n->generation, old);
	credentials_release(old);
	if (n->credentials == NULL)
		reading_tell(n, true, "out of memory");
}

/* Free what was not put in force. */
static void
reading_drop(struct reading *n)
{
	credentials_release(n->credentials);
	generation_release(n->generation);
	fleet_key_free(n->fleet_key);
}

static void
reload_log(const struct generation *g, const struct config_change *change)
{
	char names[CONFIG_CHANGE_BYTES];
	const char *kept;
	size_t i = 0;

	while ((kept = config_change_kept(change, i++)) != NULL)
		log_line(LOG_WARNING,
			 "parameter \"%s\" cannot be changed without "
			 "restarting",
			 kept);
	for (i = 0; (kept = config_change_of_console(change, i)) != NULL; i++)
		log_line(LOG_WARNING,
			 "parameter \"%s\" keeps the value that SET gave it in "
			 "the console",
			 kept);
	config_change_describe(names, change);
	log_line(LOG_INFO,
		 "configuration reloaded (generation %" PRIu64 "): %s%s",
		 g->number,
		 config_change_is_empty(change) ? "no setting has changed"
						: "changed ",
		 names);
	if (!config_change_is_empty(change))
		summary_log_warnings(g->config);
}

/* Put what was read in force, which is taken. */
static void
reload_put(struct reload *r, struct reading *n)
{
	struct daemon *d = r->daemon;
	const struct config *c = n->generation->config;

	log_set_level(c->log_level);
	log_limit_set(c->log_repeats);
	shared_take_settings(d, c);
	if (c->max_connections != r->current->config->max_connections)
		process_raise_descriptor_limit(c);
	credentials_store_replace(d->credentials, n->credentials);
	generation_store_replace(d->generations, generation_use(n->generation));
	generation_release(r->current);
	r->current = n->generation;
	if (n->fleet_key != NULL)
		fleet_replace_key(r->fleet, n->fleet_key);
}

/* Put what was read in force, unless it is bad, and that is freed. */
static bool
reload_finish(struct reload *r, struct reading *n)
{
	if (n->mistakes != NULL)
		fclose(n->mistakes);
	if (n->is_bad)
		reading_drop(n);
	else
		reload_put(r, n);
	n->out->generation = r->current->number;
	return !n->is_bad;
}

bool
reload_all(struct reload *r, struct console_reload *out)
{
	struct reading n = {.out = out};
	bool is_good;

	n.mistakes = open_memstream(&out->mistakes, &n.mistakes_len);
	reading_load(&n, r);
	is_good = reload_finish(r, &n);
	if (is_good)
		reload_log(r->current, &out->change);
	atomic_store(&r->daemon->is_stale, !is_good);
	return is_good;
}

static void
reload_log_set(const struct generation *g, const struct setting *s, bool is_set)
{
	char value[SETTING_SHOWN_BYTES];

	setting_show(value, g->config, s);
	log_line(LOG_INFO,
		 "parameter \"%s\" is %s from now on, as %s (generation "
		 "%" PRIu64 ")",
		 s->name, value,
		 is_set ? "the console has set it" : "before SET", g->number);
}

bool
reload_set(struct reload *r, const struct setting *s, const char *text,
	   struct console_reload *out)
{
	struct reading n = {.out = out, .is_of_set = true};
	char **place = &r->of_console[s - setting_table];
	char *old = *place;
	bool is_good;

	n.mistakes = open_memstream(&out->mistakes, &n.mistakes_len);
	*place = text == NULL ? NULL : strdup(text);
	if (text == NULL || *place != NULL)
		reading_load_set(&n, r);
	else
		reading_tell(&n, true, "out of memory");
	is_good = reload_finish(r, &n);
	if (is_good) {
		free(old);
		reload_log_set(r->current, s, text != NULL);
	} else {
		free(*place);
		*place = old;
	}
	return is_good;
}
