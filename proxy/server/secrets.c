#include "proxy/server/secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"

void
secrets_log(bool is_fatal, const char *what, const char *mistake)
{
	log_line(is_fatal ? LOG_ERROR : LOG_WARNING, "%s%s", what, mistake);
}

/* Tell each line of the text, which is cut into lines. */
static void
secrets_tell_mistakes(secrets_tell *tell, bool is_fatal, const char *what,
		      char *text)
{
	char *rest = text;
	char *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			tell(is_fatal, what, line);
}

/* Read what files hold, as config says.  Each mistake is a line on errors;
 * NULL: they cannot be used. */
typedef void *secrets_reader(const struct config *c, FILE *errors);

/* A secrets_reader of credentials, one use. */
static void *
secrets_read_credentials(const struct config *c, FILE *errors)
{
	return credentials_load(c, errors);
}

/* A secrets_reader of a fleet_key. */
static void *
secrets_read_fleet_key(const struct config *c, FILE *errors)
{
	return fleet_key_read(c->fleet_key_file, errors);
}

/* Load them, for the caller to own.  Each mistake is told.  NULL: with `what`
 * before it, none is owned. */
static void *
secrets_load(secrets_reader *reader, const struct config *c, secrets_tell *tell,
	     const char *what)
{
	char *text = NULL;
	size_t size;
	FILE *errors = open_memstream(&text, &size);
	void *loaded;

	if (errors == NULL) {
		tell(true, what, "out of memory");
		return NULL;
	}
	loaded = reader(c, errors);
	fclose(errors);
	secrets_tell_mistakes(tell, loaded == NULL,
			      loaded == NULL ? what : "left out: ", text);
	free(text);
	return loaded;
}

struct credentials *
secrets_load_credentials(const struct config *c, secrets_tell *tell,
			 const char *what)
{
	return secrets_load(secrets_read_credentials, c, tell, what);
}

struct fleet_key *
secrets_load_fleet_key(const struct config *c, secrets_tell *tell,
		       const char *what)
{
	return secrets_load(secrets_read_fleet_key, c, tell, what);
}
