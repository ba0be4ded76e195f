/*
 * config_file.c - reading with inih, which takes a line apart.
 *
 * inih hands on no line numbers, ends a line at a NUL byte and cuts long lines
 * and the names of sections, so it gets its lines from config_line_read, which
 * counts, measures, and withholds sections and what inih would misunderstand.
 */
#include "proxy/config/config_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

struct reading {
	const struct config_text *text;
	config_file_fn *fn;
	void *arg;
	unsigned line;
	size_t at; /* the next byte of the text */
};

static void
config_file_report_fault(const struct reading *r, unsigned line,
			 const char *fault)
{
	struct config_file_line event = {.number = line, .fault = fault};

	r->fn(r->arg, &event);
}

static int
config_file_next_byte(struct reading *r)
{
	return r->at < r->text->len ? (unsigned char)r->text->data[r->at++]
				    : EOF;
}

/*
 * Read the next line, without its newline; *fault is set if it is wrong, and
 * left alone otherwise.  False: there is no line.
 */
static bool
config_line_fill(struct reading *r, char *line, const char **fault)
{
	size_t len = 0;
	int c = config_file_next_byte(r);

	if (c == EOF)
		return false;
	for (; c != EOF && c != '\n'; c = config_file_next_byte(r)) {
		if (c == '\0')
			*fault = "a NUL byte: this is not a text file";
		else if (len < CONFIG_FILE_LINE_BYTES)
			line[len++] = (char)c;
		else if (*fault == NULL)
			*fault = "longer than 8000 bytes";
	}
	line[len] = '\0';
	return true;
}

/* A byte order mark, and blanks: inih takes a line that begins with one for
 * the continuation of the line before. */
static void
config_line_cut_front(char *line, bool is_first)
{
	const char *s = line;

	if (is_first && strncmp(s, "\xEF\xBB\xBF", 3) == 0)
		s += 3;
	s += strspn(s, " \t\r\f\v");
	memmove(line, s, strlen(s) + 1);
}

/* Cut what # begins: inih knows only ; behind a value. */
static void
config_line_cut_comment(char *line)
{
	char *s;

	for (s = line; *s != '\0'; s++) {
		if (*s == '#' && (s == line || s[-1] == ' ' || s[-1] == '\t')) {
			*s = '\0';
			return;
		}
	}
}

/* Report the section that a line with a bracket begins, or its fault. */
static void
config_line_report_section(const struct reading *r, char *line)
{
	struct config_file_line event = {.number = r->line};
	char *end = strchr(line, ']');
	const char *rest = end;

	if (rest != NULL)
		rest += 1 + strspn(rest + 1, " \t\r\f\v");
	if (rest == NULL || (*rest != '\0' && *rest != ';' && *rest != '#')) {
		config_file_report_fault(r, r->line, "expected [SECTION]");
		return;
	}
	do
		*end-- = '\0';
	while (end > line && strchr(" \t", *end) != NULL);
	event.section = line + 1 + strspn(line + 1, " \t");
	r->fn(r->arg, &event);
}

/* An ini_reader: fgets for inih. */
static char *
config_line_read(char *line, int size, void *arg)
{
	struct reading *r = arg;
	const char *fault = NULL;

	assert(size > CONFIG_FILE_LINE_BYTES);
	if (!config_line_fill(r, line, &fault))
		return NULL;
	r->line++;
	config_line_cut_front(line, r->line == 1);
	if (fault != NULL)
		config_file_report_fault(r, r->line, fault);
	else if (line[0] == '[')
		config_line_report_section(r, line);
	if (fault != NULL || line[0] == '[')
		line[0] = '\0';
	config_line_cut_comment(line);
	return line;
}

/* An ini_handler. */
static int
config_line_handle_setting(void *arg, const char *section, const char *name,
			   const char *value)
{
	struct reading *r = arg;
	struct config_file_line event = {
	    .number = r->line, .name = name, .value = value};

	(void)section;
	if (value == NULL)
		config_file_report_fault(r, r->line, "expected NAME = VALUE");
	else
		r->fn(r->arg, &event);
	return 1;
}

void
config_text_clear(struct config_text *text)
{
	if (text->data != NULL)
		explicit_bzero(text->data, text->len);
	free(text->data);
	*text = (struct config_text){0};
}

bool
config_text_copy(struct config_text *out, const struct config_text *text)
{
	struct config_text copy = {malloc(text->len + 1), text->len};

	if (copy.data == NULL)
		return false;
	memcpy(copy.data, text->len == 0 ? "" : text->data, text->len);
	*out = copy;
	return true;
}

void
config_text_parse(const struct config_text *text, config_file_fn *fn, void *arg)
{
	struct reading r = {.text = text, .fn = fn, .arg = arg};

	ini_max_line = CONFIG_FILE_LINE_BYTES + 3;
	ini_allow_no_value = true;
	if (ini_parse_stream(config_line_read, &r, config_line_handle_setting,
			     &r) < 0)
		config_file_report_fault(&r, 0, "out of memory");
}

/* Read all there is, at most as much as a text may have.  NULL, or the fault,
 * until the next call: *out has what came before it. */
static const char *
config_text_fill(struct config_text *out, FILE *file)
{
	char one_more;

	out->data = malloc(CONFIG_FILE_BYTES_MAX);
	if (out->data == NULL)
		return "out of memory";
	errno = 0;
	out->len = fread(out->data, 1, CONFIG_FILE_BYTES_MAX, file);
	if (ferror(file))
		return strerror(errno);
	if (fread(&one_more, 1, 1, file) == 1)
		return "larger than 1 MB";
	return NULL;
}

/* Give back what a text did not need of the most that one may have. */
static void
config_text_fit(struct config_text *text)
{
	struct config_text fit = {malloc(text->len), text->len};

	if (fit.data == NULL || text->data == NULL) {
		free(fit.data);
		return;
	}
	memcpy(fit.data, text->data, text->len);
	config_text_clear(text);
	*text = fit;
}

void
config_file_read(struct config_text *out, const char *path, config_file_fn *fn,
		 void *arg)
{
	struct reading r = {.fn = fn, .arg = arg};
	FILE *file = fopen(path, "re");
	const char *fault;

	*out = (struct config_text){0};
	if (file == NULL) {
		config_file_report_fault(&r, 0, strerror(errno));
		return;
	}
	fault = config_text_fill(out, file);
	fclose(file);
	config_text_fit(out);
	config_text_parse(out, fn, arg);
	if (fault != NULL)
		config_file_report_fault(&r, 0, fault);
}
