#include "policy/sql/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

/* W(word) N(name) S(string), and symbols as they are. */
static void
describe(char *out, size_t size, struct tokens *t)
{
	static const char kinds[] = {
	    [TOKEN_WORD] = 'W', [TOKEN_NAME] = 'N', [TOKEN_STRING] = 'S'};
	struct token token;
	size_t len = 0;

	out[0] = '\0';
	while ((token = tokens_next(t)).kind != TOKEN_END) {
		assert_true(len < size);
		if (token.kind == TOKEN_SYMBOL)
			len += (size_t)snprintf(out + len, size - len, "%c",
						token.symbol);
		else
			len += (size_t)snprintf(out + len, size - len,
						"%c%s(%.*s)", kinds[token.kind],
						token.is_escaped ? "&" : "",
						(int)token.len, token.text);
	}
	assert_int_equal(tokens_next(t).kind, TOKEN_END);
	assert_int_equal(t->pos, t->len);
}

static void
check_tokens(const char *sql, const char *expected, bool opens_dollars)
{
	struct span copy = bytes_copy(bytes(sql, strlen(sql)));
	struct tokens t = {.sql = (const char *)copy.data,
			   .len = copy.len,
			   .opens_dollars = opens_dollars};
	char found[512];

	describe(found, sizeof(found), &t);
	assert_string_equal(found, expected);
	bytes_free(copy);
}

static void
tokens_next_tells_what_is_what(void **state)
{
	static const struct {
		const char *sql;
		const char *tokens;
	} texts[] = {
	    {"", ""},
	    {" \n", ""},
	    {"a", "W(a)"},
	    {"select a.\"B c\",1", "W(select)W(a).N(B c),0"},
	    {"a1$b _x \xc3\xa4", "W(a1$b)W(_x)W(\xc3\xa4)"},
	    {"\"a\"\"b\" \"", "N(a\"\"b)N()"},
	    {"'it''s' 'x", "S(it''s)S(x)"},
	    {"'a\\' b", "S(a\\)W(b)"},
	    {"e'a\\'b' E'\\", "S(a\\'b)S(\\)"},
	    {"e'a'\n'b\\'c' -- on\n'\\'d' 'e' x '\\' y",
	     "S(a)S(b\\'c)S(\\'d)S(e)W(x)S(\\)W(y)"},
	    {"b'1' x'f' n'x' u&'x' U&\"y\"", "S(1)S(f)S(x)S&(x)N&(y)"},
	    {"e 'a' u & \"b\" ue'x'", "W(e)S(a)W(u)&N(b)W(ue)S(x)"},
	    {"a -- 'b\n/* \"c /* d */ */ e", "W(a)W(e)"},
	    {"a /* b", "W(a)"},
	    {"$1 $a 1.5e3 $", "000W(a)0.00"},
	    {"$$a'b$$ $x$c $$ d$x$e", "S(a'b)S(c $$ d)W(e)"},
	    {"$$a", "S(a)"},
	    {"a::b", "W(a)::W(b)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check_tokens(texts[i].sql, texts[i].tokens, false);
	check_tokens("$$a 'b' $x$ c$x$$$", ";W(a)S(b);W(c$x$$$)", true);
	check_tokens("$$ a; $$", ";W(a);;", true);
}

static struct token
only(const char *sql)
{
	struct tokens t = {.sql = sql, .len = strlen(sql)};

	return tokens_next(&t);
}

static uint32_t
hash_of(const char *sql)
{
	struct token token = only(sql);

	return token_hash(&token);
}

static uint32_t
hash_of_name(const char *name)
{
	return token_hash_name(name, strlen(name));
}

static void
token_hash_is_that_of_the_name_it_spells(void **state)
{
	(void)state;
	assert_int_equal(hash_of("Users"), hash_of_name("users"));
	assert_int_equal(hash_of("\"users\""), hash_of_name("users"));
	assert_int_equal(hash_of("\"Users\""), hash_of_name("Users"));
	assert_int_not_equal(hash_of("\"Users\""), hash_of_name("users"));
	assert_int_equal(hash_of("\"a\"\"b\""), hash_of_name("a\"b"));
	assert_int_equal(hash_of("\"???\""), hash_of_name("???"));
	assert_int_not_equal(hash_of("\"???\""), hash_of_name("??"));
	/* In which encoding it came is not known. */
	assert_int_equal(hash_of("\xc3\x84"), hash_of_name("\xe4"));
	assert_int_not_equal(hash_of("\xc3\x84"), hash_of_name("a"));
}

static void
token_hash_cuts_as_the_server_cuts_names(void **state)
{
	char name[80];

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_int_equal(token_hash_name(name, 63), token_hash_name(name, 80));
	assert_int_not_equal(token_hash_name(name, 63),
			     token_hash_name(name, 62));
}

#define TEN "xxxxxxxxxx"
#define SIXTY TEN TEN TEN TEN TEN TEN

static void
token_is_opaque_where_the_name_is_not_seen(void **state)
{
	static const char *const opaque[] = {"U&\"\\0061\"", SIXTY "xx\xc3\xa4",
					     "\"" SIXTY "xxx\xe4\""};
	static const char *const clear[] = {"a", "\"a\"", SIXTY SIXTY,
					    SIXTY "x\xc3\xa4"};

	(void)state;
	for (size_t i = 0; i < sizeof(opaque) / sizeof(*opaque); i++) {
		struct token token = only(opaque[i]);

		assert_true(token_is_opaque(&token));
	}
	for (size_t i = 0; i < sizeof(clear) / sizeof(*clear); i++) {
		struct token token = only(clear[i]);

		assert_false(token_is_opaque(&token));
	}
}

static void
tokens_next_takes_linear_time(void **state)
{
	static const char *const parts[] = {"'",  "\"", "$$", "$a$", "$",
					    "/*", "--", "a",  "''",  "\\"};
	enum { TEXT_BYTES = 1024 * 1024 };

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t part = strlen(parts[i]);
		char *sql = malloc(TEXT_BYTES);
		struct tokens t = {.sql = sql};

		assert_non_null(sql);
		for (; t.len + part <= TEXT_BYTES; t.len += part)
			memcpy(sql + t.len, parts[i], part);
		while (tokens_next(&t).kind != TOKEN_END)
			;
		free(sql);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens_next_tells_what_is_what),
	    cmocka_unit_test(token_hash_is_that_of_the_name_it_spells),
	    cmocka_unit_test(token_hash_cuts_as_the_server_cuts_names),
	    cmocka_unit_test(token_is_opaque_where_the_name_is_not_seen),
	    cmocka_unit_test(tokens_next_takes_linear_time),
	};

	return cmocka_run_group_tests_name("policy/sql/tokens", tests, NULL,
					   NULL);
}
