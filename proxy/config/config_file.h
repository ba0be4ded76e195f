/*
 * config_file.h - the lines of an INI file, one after the other.
 *
 * `name = value`, or `[section]`, one a line.  A comment is a line that starts
 * with # or ;, or what stands behind one of these after a value and a blank.
 * There are no quotes and no continuation lines.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONFIG_FILE_H
#define LOCKSTEP_PROXY_CONFIG_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	CONFIG_FILE_LINE_BYTES = 8000,
	CONFIG_FILE_BYTES_MAX = 1024 * 1024,
};

struct config_file_line {
	unsigned number; /* from 1; 0: the file as a whole */
	/* One of these is set; all borrowed until the function returns. */
	const char *fault;   /* the line is wrong: how */
	const char *section; /* between the brackets, without the blanks
				around it */
	const char *name;    /* with `value`, and without the blanks */
	const char *value;
};

typedef void config_file_fn(void *arg, const struct config_file_line *line);

/* A file as it was read: a secret may be in it.  A zeroed one is valid. */
struct config_text {
	char *data; /* owned */
	size_t len;
};

/* Wipe and free it; *text is as zeroed. */
void config_text_clear(struct config_text *text);

/* Copy it to *out, which is overwritten.  False: out of memory. */
bool config_text_copy(struct config_text *out, const struct config_text *text);

/*
 * Call fn for each section, setting and fault of the text, in its order.  Not
 * thread safe: inih's limits are its global variables.
 */
void config_text_parse(const struct config_text *text, config_file_fn *fn,
		       void *arg);

/*
 * Do the same for a file, whose text the caller gets in *out; a file that
 * cannot be read to its end is a fault of line 0.
 */
void config_file_read(struct config_text *out, const char *path,
		      config_file_fn *fn, void *arg);

#endif
