#include "policy/sql/tokens.h"

#include <string.h>

#include "policy/sql/statement_text.h"

enum {
	NOT_ASCII = 0x80,    /* the hash of every name that is not */
	NAME_BYTES_MAX = 63, /* the server's NAMEDATALEN - 1 */
};

static bool
tokens_has(const struct tokens *t, size_t pos, char c)
{
	return pos < t->len && t->sql[pos] == c;
}

/*
 * Take what stands in these quotes, of which the first is at pos.  A doubled
 * quote is none, nor is one behind a backslash where that escapes.
 */
static struct token
tokens_take_quoted(struct tokens *t, enum token_kind kind, char quote,
		   bool has_backslashes)
{
	size_t start = ++t->pos;
	size_t end;

	for (; t->pos < t->len; t->pos++) {
		if (has_backslashes && t->sql[t->pos] == '\\') {
			t->pos += t->pos + 1 < t->len;
			continue;
		}
		if (t->sql[t->pos] != quote)
			continue;
		if (!tokens_has(t, t->pos + 1, quote))
			break;
		t->pos++;
	}
	end = t->pos < t->len ? t->pos++ : t->len;
	return (struct token){
	    .kind = kind, .text = t->sql + start, .len = end - start};
}

static struct token
tokens_take_symbol(struct tokens *t, char symbol, size_t len)
{
	struct token out = {.kind = TOKEN_SYMBOL,
			    .symbol = symbol,
			    .text = t->sql + t->pos,
			    .len = len};

	t->pos += len;
	return out;
}

/* The length of the $tag$ at pos; 0: there is none. */
static size_t
tokens_dollar_tag(const struct tokens *t)
{
	struct statement_text text = {t->sql, t->len};
	size_t end = t->pos + 1;

	if (end < t->len && statement_text_is_word_start(t->sql[end]))
		while (end < t->len && t->sql[end] != '$' &&
		       statement_text_is_word_part(text.sql[end]))
			end++;
	return tokens_has(t, end, '$') ? end + 1 - t->pos : 0;
}

/* Where the tag at pos comes again; the end of the text if it does not. */
static size_t
tokens_closing_tag(const struct tokens *t, size_t tag_len)
{
	const char *tag = t->sql + t->pos;
	const char *end = t->sql + t->len;
	const char *at = tag + tag_len;

	while ((at = memchr(at, '$', (size_t)(end - at))) != NULL) {
		if ((size_t)(end - at) >= tag_len &&
		    memcmp(at, tag, tag_len) == 0)
			return (size_t)(at - t->sql);
		at++;
	}
	return t->len;
}

static struct token
tokens_take_dollar(struct tokens *t)
{
	size_t tag_len = tokens_dollar_tag(t);
	struct token out = {.kind = TOKEN_STRING};
	size_t end;

	if (tag_len == 0 || t->opens_dollars)
		return tokens_take_symbol(t, tag_len == 0 ? '0' : ';',
					  tag_len == 0 ? 1 : tag_len);
	end = tokens_closing_tag(t, tag_len);
	out.text = t->sql + t->pos + tag_len;
	out.len = end - t->pos - tag_len;
	t->pos = end < t->len ? end + tag_len : end;
	return out;
}

/* The word is what stands before a string or a name: E'', U&"". */
static struct token
tokens_take_prefixed(struct tokens *t, const struct token *word)
{
	char prefix = statement_text_fold(word->text[0]);
	struct token out;

	if (strchr("ebxn", prefix) != NULL && tokens_has(t, t->pos, '\'')) {
		t->continues_escape = prefix == 'e';
		return tokens_take_quoted(t, TOKEN_STRING, '\'', prefix == 'e');
	}
	if (prefix != 'u' || !tokens_has(t, t->pos, '&'))
		return *word;
	if (tokens_has(t, t->pos + 1, '"')) {
		t->pos++;
		out = tokens_take_quoted(t, TOKEN_NAME, '"', false);
	} else if (tokens_has(t, t->pos + 1, '\'')) {
		t->pos++;
		out = tokens_take_quoted(t, TOKEN_STRING, '\'', false);
	} else {
		return *word;
	}
	out.is_escaped = true;
	return out;
}

static struct token
tokens_take_word(struct tokens *t)
{
	struct token out = {.kind = TOKEN_WORD, .text = t->sql + t->pos};

	while (t->pos < t->len && statement_text_is_word_part(t->sql[t->pos]))
		t->pos++;
	out.len = (size_t)(t->sql + t->pos - out.text);
	return out.len == 1 ? tokens_take_prefixed(t, &out) : out;
}

static struct token
tokens_take_number(struct tokens *t)
{
	size_t end = t->pos;

	while (end < t->len && statement_text_is_word_part(t->sql[end]))
		end++;
	return tokens_take_symbol(t, '0', end - t->pos);
}

struct token
tokens_next(struct tokens *t)
{
	struct statement_text text = {t->sql, t->len};
	bool continues_escape = t->continues_escape;
	char c;

	t->continues_escape = false;
	t->pos = statement_text_skip(text, t->pos, t->len);
	if (t->pos >= t->len)
		return (struct token){.kind = TOKEN_END};
	c = t->sql[t->pos];
	if (statement_text_is_word_start(c))
		return tokens_take_word(t);
	if (c == '"')
		return tokens_take_quoted(t, TOKEN_NAME, '"', false);
	if (c == '\'') {
		t->continues_escape = continues_escape;
		return tokens_take_quoted(t, TOKEN_STRING, '\'',
					  continues_escape);
	}
	if (c >= '0' && c <= '9')
		return tokens_take_number(t);
	if (c == '$')
		return tokens_take_dollar(t);
	return tokens_take_symbol(t, c, 1);
}

bool
token_is_word(const struct token *t, const char *word)
{
	size_t i;

	if (t->kind != TOKEN_WORD || t->len != strlen(word))
		return false;
	for (i = 0; i < t->len; i++)
		if (statement_text_fold(t->text[i]) != word[i])
			return false;
	return true;
}

bool
token_is_symbol(const struct token *t, char symbol)
{
	return t->kind == TOKEN_SYMBOL && t->symbol == symbol;
}

/* FNV-1a, of 32 bits, one byte at a time. */
static uint32_t
hash_byte(uint32_t hash, char c)
{
	return (hash ^ (unsigned char)c) * 16777619U;
}

static uint32_t
hash_name(const char *name, size_t len, bool folds, bool has_doubled)
{
	uint32_t hash = 2166136261U;
	size_t count = 0;
	size_t i;

	for (i = 0; i < len && count < NAME_BYTES_MAX; i++, count++) {
		if ((unsigned char)name[i] >= 0x80)
			return NOT_ASCII;
		hash = hash_byte(hash, folds ? statement_text_fold(name[i])
					     : name[i]);
		if (has_doubled && name[i] == '"')
			i++;
	}
	return hash != 0 ? hash : 1;
}

uint32_t
token_hash(const struct token *t)
{
	return hash_name(t->text, t->len, t->kind == TOKEN_WORD,
			 t->kind == TOKEN_NAME);
}

uint32_t
token_hash_name(const char *name, size_t len)
{
	return hash_name(name, len, false, false);
}

bool
token_is_opaque(const struct token *t)
{
	return t->is_escaped ||
	       (t->len > NAME_BYTES_MAX &&
		(unsigned char)t->text[NAME_BYTES_MAX] >= 0x80);
}
