#include "proxy/base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * The length of the UTF-8 character at s, of at most len bytes, and its code
 * point; 0 if there is none (RFC 3629: no surrogate, nothing overlong).
 */
static size_t
utf8_decode(uint32_t *code, const unsigned char *s, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n;
	size_t i;

	if (s[0] < 0x80)
		n = 1;
	else if (s[0] >= 0xC2 && s[0] <= 0xDF)
		n = 2;
	else if ((s[0] & 0xF0) == 0xE0)
		n = 3;
	else if (s[0] >= 0xF0 && s[0] <= 0xF4)
		n = 4;
	else
		return 0;
	if (n > len)
		return 0;
	*code = n == 1 ? s[0] : s[0] & (0x7Fu >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3F);
	}
	if (*code < least[n] || *code > 0x10FFFF ||
	    (*code >= 0xD800 && *code <= 0xDFFF))
		return 0;
	return n;
}

static bool
code_is_deceptive(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code <= 0x9F) ||
	       (code >= 0x200E && code <= 0x200F) ||
	       (code >= 0x2028 && code <= 0x202E) ||
	       (code >= 0x2066 && code <= 0x2069);
}

size_t
escape_next(char out[ESCAPE_BYTES], size_t *used, const char *s, size_t len,
	    enum escape_form form)
{
	static const char letters[] = {
	    ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
	uint32_t code = 0;
	int n;

	*used = utf8_decode(&code, (const unsigned char *)s, len);
	if (*used == 0) {
		*used = 1;
		/* JSON has no way to write a byte that is no character. */
		n = form == ESCAPE_JSON ? snprintf(out, ESCAPE_BYTES, "\\ufffd")
					: snprintf(out, ESCAPE_BYTES, "\\x%02x",
						   (unsigned char)s[0]);
	} else if (code == '\\' || (code == '"' && form != ESCAPE_TEXT)) {
		n = snprintf(out, ESCAPE_BYTES, "\\%c", s[0]);
	} else if (code < sizeof(letters) && letters[code] != '\0') {
		n = snprintf(out, ESCAPE_BYTES, "\\%c", letters[code]);
	} else if (code_is_deceptive(code)) {
		n = snprintf(out, ESCAPE_BYTES, "\\u%04x", code & 0xFFFF);
	} else {
		memcpy(out, s, *used);
		n = (int)*used;
	}
	return (size_t)n;
}

size_t
escape_plain_len(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= ' ' && s[n] <= '~' && s[n] != '"' &&
	       s[n] != '\\')
		n++;
	return n;
}

void
escape_text(char *out, size_t size, const char *s, size_t len)
{
	char next[ESCAPE_BYTES];
	size_t used;
	size_t n;

	while (len > 0) {
		n = escape_next(next, &used, s, len, ESCAPE_TEXT);
		if (n >= size)
			break;
		memcpy(out, next, n);
		out += n;
		size -= n;
		s += used;
		len -= used;
	}
	*out = '\0';
}

void
escape_write_json(FILE *out, const char *s, size_t len)
{
	char next[ESCAPE_BYTES];
	size_t used;
	size_t n;

	fputc('"', out);
	for (; len > 0; s += used, len -= used) {
		n = escape_next(next, &used, s, len, ESCAPE_JSON);
		fwrite(next, 1, n, out);
	}
	fputc('"', out);
}
