#include "proxy/auth/scram.h"

#include <stdio.h>

#include "tests/support/scram.h"
#include "tests/support/test.h"

static void
scram_server_refuses_a_wrong_key_at_the_end(void **state)
{
	static const uint8_t none[SCRAM_KEY_BYTES];
	struct scram_secret secret = pencil();
	struct scram_server *s = server_of(&secret.verifier, no_binding());
	struct scram_client *c;
	struct scram_outcome o;

	(void)state;
	secret.client_key[SCRAM_KEY_BYTES - 1] ^= 1;
	c = client_of(&secret, no_binding(), false);
	o = exchange(s, c, false);
	assert_int_equal(o.server, SCRAM_REFUSED);
	assert_int_equal(o.client, SCRAM_CONTINUE);
	assert_memory_equal(s->client_key, none, sizeof(none));
	scram_client_free(c);
	scram_server_free(s);
}

/* Even if someone found the keys that were made up. */
static void
scram_server_refuses_an_unknown_role_whatever_it_proves(void **state)
{
	struct scram_secret secret = pencil();
	struct scram_server *s = server_of(NULL, no_binding());
	struct scram_client *c = client_of(&secret, no_binding(), false);
	struct scram_outcome o;

	(void)state;
	s->verifier = secret.verifier;
	o = exchange(s, c, false);
	assert_int_equal(o.server, SCRAM_REFUSED);
	assert_int_equal(o.client, SCRAM_CONTINUE);
	scram_client_free(c);
	scram_server_free(s);
}

/* What an unknown role is told to be its salt. */
static void
mock_salt(char out[64], const char *user, const struct scram_mock *by)
{
	struct scram_server *s =
	    scram_server_new(NULL, text_of(user), by, no_binding());
	struct scram_server_first_message m;
	struct writer w = {0};

	assert_non_null(s);
	assert_int_equal(
	    scram_server_step(s, false, text_of("n,,n=,r=abc"), &w),
	    SCRAM_CONTINUE);
	assert_true(scram_server_first_decode(&m, scram_written(&w)));
	assert_int_equal(m.iterations, by->iterations);
	assert_int_equal(m.salt.len, strlen(PENCIL_SALT));
	memcpy(out, m.salt.data, m.salt.len);
	out[m.salt.len] = '\0';
	writer_clear(&w);
	scram_server_free(s);
}

static void
scram_server_makes_up_one_salt_for_one_name(void **state)
{
	static const struct scram_mock other = {.key = "another key",
						.iterations = 10000};
	char ann[64], again[64], bob[64], elsewhere[64];

	(void)state;
	mock_salt(ann, "ann", &mock);
	mock_salt(again, "ann", &mock);
	mock_salt(bob, "bob", &mock);
	mock_salt(elsewhere, "ann", &other);
	assert_string_equal(ann, again);
	assert_string_not_equal(ann, bob);
	assert_string_not_equal(ann, elsewhere);
}

static void
scram_server_says_another_nonce_each_time(void **state)
{
	struct scram_secret secret = pencil();
	struct scram_server *a = server_of(&secret.verifier, no_binding());
	struct scram_server *b = server_of(&secret.verifier, no_binding());

	(void)state;
	assert_int_equal(strlen(a->own_nonce), 24);
	assert_string_not_equal(a->own_nonce, b->own_nonce);
	scram_server_free(a);
	scram_server_free(b);
}

static void
scram_server_takes_the_longest_nonce(void **state)
{
	struct scram_secret secret = pencil();
	struct scram_server *s = server_of(&secret.verifier, no_binding());
	char first[8 + SCRAM_NONCE_MAX + 1] = "n,,n=,r=";
	char final[2 * SCRAM_NONCE_MAX];

	(void)state;
	memset(first + 8, 'x', SCRAM_NONCE_MAX);
	first[8 + SCRAM_NONCE_MAX] = '\0';
	check_server_step(s, false, first, SCRAM_CONTINUE, NULL);
	snprintf(final, sizeof(final), "c=biws,r=%s%s,p=%s", first + 8,
		 s->own_nonce, PENCIL_STORED_KEY);
	check_server_step(s, false, final, SCRAM_REFUSED, NULL);
	scram_server_free(s);
}

static const struct {
	const char *text;
	bool is_plus;
	enum scram_status expected;
} bad_firsts[] = {
    {"", false, SCRAM_BAD},
    {"n,,n=,r=", false, SCRAM_BAD},
    {"n,a=ann,n=,r=x", false, SCRAM_BAD},
    {"n,,m=x,n=,r=x", false, SCRAM_BAD},
    {"p=tls-unique,,n=,r=x", true, SCRAM_BAD},
    {"p=tls-server-end-poin,,n=,r=x", true, SCRAM_BAD},
    {"p=tls-server-end-point,,n=,r=x", false, SCRAM_BAD},
    {"n,,n=,r=x", true, SCRAM_BAD},
    {"y,,n=,r=x", false, SCRAM_NO_BINDING},
    {"c=biws,r=x,p=y", false, SCRAM_BAD},
};

static void
scram_server_refuses_bad_first_messages(void **state)
{
	struct scram_secret secret = pencil();

	(void)state;
	for (size_t i = 0; i < sizeof(bad_firsts) / sizeof(bad_firsts[0]);
	     i++) {
		struct scram_server *s =
		    server_of(&secret.verifier, text_of("hash"));

		check_server_step(s, bad_firsts[i].is_plus, bad_firsts[i].text,
				  bad_firsts[i].expected, NULL);
		scram_server_free(s);
	}
}

static const struct {
	char flag;
	const char *text;
	enum scram_status expected;
} bad_finals[] = {
    {'n', "c=biws,r=abcdef,p=" WRONG_PROOF, SCRAM_REFUSED},
    {'n', "c=biws,r=abcdef,p=" SHORT_PROOF, SCRAM_BAD},
    {'n', "c=biws,r=abcdef,p=" LONG_PROOF, SCRAM_BAD},
    {'n', "c=biws,r=abcdef,p=", SCRAM_BAD},
    {'n', "c=biws,r=abcdef,p=AAAA", SCRAM_BAD},
    {'n', "c=biws,r=abcdef,p=?" WRONG_PROOF, SCRAM_BAD},
    {'n', "c=biws,r=abcdef", SCRAM_BAD},
    {'n', "c=biws,r=abcde,p=" WRONG_PROOF, SCRAM_BAD},
    {'n', "c=biws,r=abcdefg,p=" WRONG_PROOF, SCRAM_BAD},
    {'n', "c=biws,r=abc,p=" WRONG_PROOF, SCRAM_BAD},
    {'n', "c=biws,r=abcdeF,p=" WRONG_PROOF, SCRAM_BAD},
    {'n', "c=eSws,r=abcdef,p=" WRONG_PROOF, SCRAM_BAD},
    {'n', "c=,r=abcdef,p=" WRONG_PROOF, SCRAM_BAD},
    {'n', "c=biwsYQ==,r=abcdef,p=" WRONG_PROOF, SCRAM_BAD},
    {'n', "n,,n=,r=abc", SCRAM_BAD},
    {'n', "", SCRAM_BAD},
    {'y', "c=eSws,r=abcdef,p=" WRONG_PROOF, SCRAM_REFUSED},
    {'y', "c=biws,r=abcdef,p=" WRONG_PROOF, SCRAM_BAD},
};

static void
scram_server_refuses_bad_final_messages(void **state)
{
	struct scram_secret secret = pencil();

	(void)state;
	for (size_t i = 0; i < sizeof(bad_finals) / sizeof(bad_finals[0]);
	     i++) {
		struct scram_server *s =
		    server_of(&secret.verifier, no_binding());
		char first[] = "n,,n=,r=abc";

		first[0] = bad_finals[i].flag;
		strcpy(s->own_nonce, "def");
		check_server_step(s, false, first, SCRAM_CONTINUE, NULL);
		check_server_step(s, false, bad_finals[i].text,
				  bad_finals[i].expected, NULL);
		scram_server_free(s);
	}
}

static void
scram_server_refuses_bindings_that_are_not_ours(void **state)
{
	static const char *const texts[] = {
	    /* n,, ; the header alone; the header and "hasH" */
	    "c=biws,r=abcdef,p=" WRONG_PROOF,
	    "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCws,r=abcdef,p=" WRONG_PROOF,
	    "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsaGFzSA==,r=abcdef,"
	    "p=" WRONG_PROOF,
	};
	struct scram_secret secret = pencil();

	(void)state;
	for (size_t i = 0; i <= sizeof(texts) / sizeof(texts[0]); i++) {
		struct scram_server *s =
		    server_of(&secret.verifier, text_of("hash"));

		strcpy(s->own_nonce, "def");
		check_server_step(s, true, "p=tls-server-end-point,,n=,r=abc",
				  SCRAM_CONTINUE, NULL);
		if (i < sizeof(texts) / sizeof(texts[0]))
			check_server_step(s, true, texts[i], SCRAM_NO_BINDING,
					  NULL);
		else /* the header and "hash" */
			check_server_step(
			    s, true,
			    "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsaGFzaA==,"
			    "r=abcdef,p=" WRONG_PROOF,
			    SCRAM_REFUSED, NULL);
		scram_server_free(s);
	}
}

static void
check_final_prefix(struct span part)
{
	const struct scram_recording *r = &recordings[0];
	struct scram_secret secret =
	    scram_secret_of_text("pencil", r->salt, 4096);
	struct scram_server *s = server_of(&secret.verifier, no_binding());
	struct writer w = {0};

	strcpy(s->own_nonce, r->server_nonce);
	check_server_step(s, false, r->client_first, SCRAM_CONTINUE, NULL);
	assert_int_equal(scram_server_step(s, false, part, &w), SCRAM_BAD);
	assert_int_equal(w.len, 0);
	scram_server_free(s);
}

static void
scram_server_refuses_every_proper_prefix_of_a_final_message(void **state)
{
	(void)state;
	bytes_each_proper_prefix(text_of(recordings[0].client_final),
				 check_final_prefix);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scram_server_refuses_a_wrong_key_at_the_end),
	    cmocka_unit_test(
		scram_server_refuses_an_unknown_role_whatever_it_proves),
	    cmocka_unit_test(scram_server_makes_up_one_salt_for_one_name),
	    cmocka_unit_test(scram_server_says_another_nonce_each_time),
	    cmocka_unit_test(scram_server_takes_the_longest_nonce),
	    cmocka_unit_test(scram_server_refuses_bad_first_messages),
	    cmocka_unit_test(scram_server_refuses_bad_final_messages),
	    cmocka_unit_test(scram_server_refuses_bindings_that_are_not_ours),
	    cmocka_unit_test(
		scram_server_refuses_every_proper_prefix_of_a_final_message),
	};

	return cmocka_run_group_tests_name("proxy/auth/scram_server", tests,
					   NULL, NULL);
}
