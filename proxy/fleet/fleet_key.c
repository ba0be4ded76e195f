#include "proxy/fleet/fleet_key.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/tls/secret_file.h"

enum {
	LINES_MAX = 1000,
};

/*
 * Read a line, without its end.  Returns its length, of which no more than
 * FLEET_KEY_BYTES_MAX bytes are in line; -1: there is none.
 */
static int
key_read_line(FILE *in, uint8_t line[FLEET_KEY_BYTES_MAX])
{
	int c = getc_unlocked(in);
	int len = 0;

	if (c == EOF)
		return -1;
	for (; c != EOF && c != '\n'; c = getc_unlocked(in)) {
		if (len < FLEET_KEY_BYTES_MAX)
			line[len] = (uint8_t)c;
		if (len <= FLEET_KEY_BYTES_MAX)
			len++;
	}
	if (len > 0 && len <= FLEET_KEY_BYTES_MAX && line[len - 1] == '\r')
		len--;
	return len;
}

/* Take in a line; returns what is wrong with it, or NULL. */
static const char *
key_take_line(struct fleet_key *key, const uint8_t *line, int len)
{
	if (len == 0 || line[0] == '#')
		return NULL;
	if (len < FLEET_KEY_BYTES_MIN || len > FLEET_KEY_BYTES_MAX)
		return "a key has 16 to 256 bytes, on one line; take the "
		       "output of: openssl rand -base64 32";
	if (key->count == FLEET_KEYS_MAX)
		return "more than four keys: the first signs, the others are "
		       "those of before or next";
	memcpy(key->keys[key->count], line, (size_t)len);
	key->lens[key->count++] = (size_t)len;
	return NULL;
}

static const char *
key_take_lines(struct fleet_key *key, FILE *in, unsigned *number)
{
	uint8_t line[FLEET_KEY_BYTES_MAX];
	const char *fault = NULL;
	int len = key_read_line(in, line);

	for (*number = 1; len >= 0 && fault == NULL; ++*number) {
		fault = *number > LINES_MAX ? "this is no file of keys"
					    : key_take_line(key, line, len);
		if (fault != NULL)
			break;
		len = key_read_line(in, line);
	}
	explicit_bzero(line, sizeof(line));
	if (fault == NULL && ferror(in))
		return "it cannot be read";
	return fault == NULL && key->count == 0 ? "there is no key" : fault;
}

struct fleet_key *
fleet_key_parse(FILE *in, const char *name, FILE *errors)
{
	struct fleet_key *key = calloc(1, sizeof(*key));
	const char *fault = "out of memory";
	unsigned number = 0;

	if (key != NULL)
		fault = key_take_lines(key, in, &number);
	if (fault == NULL)
		return key;
	fprintf(errors, "%s:%u: %s\n", name, number, fault);
	fleet_key_free(key);
	return NULL;
}

struct fleet_key *
fleet_key_read(const char *path, FILE *errors)
{
	char why[1024];
	struct secret_file file;
	struct fleet_key *key;

	if (!secret_file_open(&file, path, "fleet_key_file", why,
			      sizeof(why))) {
		fprintf(errors, "%s\n", why);
		return NULL;
	}
	key = fleet_key_parse(file.stream, path, errors);
	secret_file_close(&file);
	return key;
}

void
fleet_key_free(struct fleet_key *key)
{
	if (key == NULL)
		return;
	explicit_bzero(key, sizeof(*key));
	free(key);
}
