#include "proxy/http/http_page.h"

#include <stdio.h>
#include <stdlib.h>

#include "protocol/writer.h"
#include "proxy/tls/digest.h"
#include "tests/support/test.h"

/* The page with a NUL at its end, free. */
static char *
page_text(void)
{
	struct span page = http_page();
	char *text = malloc(page.len + 1);

	assert_non_null(text);
	memcpy(text, page.data, page.len);
	text[page.len] = '\0';
	assert_int_equal(strlen(text), page.len);
	return text;
}

/* The policy has the hash of all between the two tags, which are there once. */
static void
assert_hash(const char *page, const char *directive, const char *open,
	    const char *close)
{
	const char *begin = strstr(page, open) + strlen(open);
	const char *end = strstr(begin, close);
	uint8_t hash[DIGEST_BYTES];
	struct writer w = {0};
	char text[128];

	assert_non_null(end);
	assert_null(strstr(begin, open));
	assert_true(digest_sha256(hash, span_of(begin, (size_t)(end - begin))));
	digest_base64_write(&w, span_of(hash, sizeof(hash)));
	snprintf(text, sizeof(text), "; %s 'sha256-%.*s';", directive,
		 (int)w.len, (const char *)w.data);
	assert_non_null(strstr(http_page_policy(), text));
	writer_clear(&w);
}

static void
policy_has_the_hashes_of_what_is_served(void **state)
{
	char *page = page_text();

	(void)state;
	assert_hash(page, "script-src", "<script>", "</script>");
	assert_hash(page, "style-src", "<style>", "</style>");
	free(page);
}

static void
policy_lets_nothing_else_in(void **state)
{
	(void)state;
	assert_int_equal(
	    strncmp(http_page_policy(), "default-src 'none'; ", 20), 0);
	assert_null(strstr(http_page_policy(), "unsafe"));
	assert_null(strstr(http_page_policy(), "http"));
	assert_null(strstr(http_page_policy(), "*"));
}

/* Its script calls nothing that reads a text as markup, or as a program. */
static void
page_has_no_way_to_make_markup_of_names(void **state)
{
	static const char *const ways[] = {
	    "innerHTML",        "outerHTML", "insertAdjacent",
	    "document.write",   "eval(",     "DOMParser",
	    "createContextual", "setHTML",   "@STYLE@",
	    "@SCRIPT@",         "://"};
	char *page = page_text();
	const char *found;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		found = strstr(page, ways[i]);
		/* The name of SVG looks like an address. */
		if (found != NULL &&
		    strncmp(found, "://www.w3.org/2000/svg\"", 23) == 0)
			found = strstr(found + 1, ways[i]);
		if (found != NULL)
			fail_msg("%.60s", found);
	}
	free(page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policy_has_the_hashes_of_what_is_served),
	    cmocka_unit_test(policy_lets_nothing_else_in),
	    cmocka_unit_test(page_has_no_way_to_make_markup_of_names),
	};

	return cmocka_run_group_tests_name("proxy/http/http_page", tests, NULL,
					   NULL);
}
