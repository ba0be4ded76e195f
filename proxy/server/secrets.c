#include "proxy/server/secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"

void
secrets_log(void *arg, bool is_fatal, const char *mistake)
{
	(void)arg;
	if (is_fatal)
		log_line(LOG_ERROR, "%s", mistake);
	else
		log_line(LOG_WARNING, "left out: %s", mistake);
}

/* Where mistakes are written while something is read. */
struct secrets_errors {
	FILE *out;
	char *text;
	size_t size;
};

/* Begin to write.  False: out of memory, which is told. */
static bool
secrets_begin(struct secrets_errors *e, secrets_tell *tell, void *arg)
{
	e->text = NULL;
	e->out = open_memstream(&e->text, &e->size);
	if (e->out == NULL)
		tell(arg, true, "out of memory");
	return e->out != NULL;
}

/* Tell each line that was written; is_good: something could be loaded. */
static void
secrets_end(struct secrets_errors *e, bool is_good, secrets_tell *tell,
	    void *arg)
{
	char *line;
	char *rest;

	fclose(e->out);
	rest = e->text;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			tell(arg, !is_good, line);
	free(e->text);
}

struct config *
secrets_load_config(const struct config_sources *sources, secrets_tell *tell,
		    void *arg)
{
	struct secrets_errors e;
	struct config *c;

	if (!secrets_begin(&e, tell, arg))
		return NULL;
	c = config_load(sources, e.out);
	secrets_end(&e, c != NULL, tell, arg);
	return c;
}

struct credentials *
secrets_load_credentials(struct generation *g, const struct credentials *old,
			 secrets_tell *tell, void *arg)
{
	struct secrets_errors e;
	struct credentials *c;

	if (!secrets_begin(&e, tell, arg))
		return NULL;
	c = credentials_reload(g, old, e.out);
	secrets_end(&e, c != NULL, tell, arg);
	return c;
}

struct fleet_key *
secrets_load_fleet_key(const struct config *c, secrets_tell *tell, void *arg)
{
	struct secrets_errors e;
	struct fleet_key *key;

	if (!secrets_begin(&e, tell, arg))
		return NULL;
	key = fleet_key_read(c->fleet_key_file, e.out);
	secrets_end(&e, key != NULL, tell, arg);
	return key;
}
