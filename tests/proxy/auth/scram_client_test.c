#include "proxy/auth/scram.h"

#include "tests/support/scram.h"
#include "tests/support/test.h"

static void
scram_client_first_is_what_libpq_says(void **state)
{
	static const struct {
		const char *binding;
		bool can_bind;
		const char *text;
	} firsts[] = {
	    {"", false, "n,,n=,r=abc"},
	    {"", true, "y,,n=,r=abc"},
	    {"hash", false, "p=tls-server-end-point,,n=,r=abc"},
	    {"hash", true, "p=tls-server-end-point,,n=,r=abc"},
	};
	struct scram_secret secret = pencil();

	(void)state;
	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		struct scram_client *c = client_of(
		    &secret, text_of(firsts[i].binding), firsts[i].can_bind);
		struct writer w = {0};

		strcpy(c->own_nonce, "abc");
		assert_true(scram_client_first(c, &w));
		assert_span_text(scram_written(&w), firsts[i].text);
		writer_clear(&w);
		scram_client_free(c);
	}
}

/* A client that has said "n,,n=,r=abc", or with another flag. */
static struct scram_client *
client_begun(const struct scram_secret *secret, struct span binding)
{
	struct scram_client *c = client_of(secret, binding, false);
	struct writer w = {0};

	strcpy(c->own_nonce, "abc");
	assert_true(scram_client_first(c, &w));
	writer_clear(&w);
	return c;
}

#define GOOD_SALT ",s=" PENCIL_SALT

static const struct {
	const char *text;
	enum scram_status expected;
} server_firsts[] = {
    {"r=abcd" GOOD_SALT ",i=4096", SCRAM_CONTINUE},
    {"r=abc" GOOD_SALT ",i=4096", SCRAM_BAD},
    {"r=ab" GOOD_SALT ",i=4096", SCRAM_BAD},
    {"r=abx" GOOD_SALT ",i=4096", SCRAM_BAD},
    {"r=xabcd" GOOD_SALT ",i=4096", SCRAM_BAD},
    {"r=Abcd" GOOD_SALT ",i=4096", SCRAM_BAD},
    {"r=abcd,s=f6XmtETy1a2dIe/9mP939g=,i=4096", SCRAM_BAD},
    {"r=abcd,s=f6XmtETy1a2dIe/9mP939h==,i=4096", SCRAM_BAD},
    {"r=abcd" GOOD_SALT ",i=0", SCRAM_BAD},
    {"r=abcd" GOOD_SALT, SCRAM_BAD},
    {"v=" WRONG_PROOF, SCRAM_BAD},
    {"e=unknown-user", SCRAM_BAD},
    {"", SCRAM_BAD},
    {"r=abcd" GOOD_SALT ",i=4095", SCRAM_STALE},
    {"r=abcd" GOOD_SALT ",i=10000", SCRAM_STALE},
    {"r=abcd,s=g6XmtETy1a2dIe/9mP939g==,i=4096", SCRAM_STALE},
    {"r=abcd,s=f6XmtETy1a2dIe/9mP93,i=4096", SCRAM_STALE},
    {"r=abcd,s=,i=4096", SCRAM_STALE},
    {"r=abcd,s=" LONG_SALT ",i=4096", SCRAM_STALE},
};

static void
scram_client_judges_the_first_message(void **state)
{
	struct scram_secret secret = pencil();

	(void)state;
	for (size_t i = 0; i < sizeof(server_firsts) / sizeof(server_firsts[0]);
	     i++) {
		struct scram_client *c = client_begun(&secret, no_binding());

		check_client_step(c, server_firsts[i].text,
				  server_firsts[i].expected, NULL);
		scram_client_free(c);
	}
}

static const struct {
	const char *text;
	enum scram_status expected;
} server_finals[] = {
    {"v=" WRONG_PROOF, SCRAM_UNPROVEN},
    {"v=" SHORT_PROOF, SCRAM_BAD},
    {"v=" LONG_PROOF, SCRAM_BAD},
    {"v=", SCRAM_BAD},
    {"v=?" WRONG_PROOF, SCRAM_BAD},
    {"v=" WRONG_PROOF ",a=b", SCRAM_BAD},
    {"r=abcd" GOOD_SALT ",i=4096", SCRAM_BAD},
    {"", SCRAM_BAD},
    {"e=invalid-proof", SCRAM_REFUSED},
    {"e=", SCRAM_REFUSED},
};

static void
scram_client_judges_the_final_message(void **state)
{
	struct scram_secret secret = pencil();

	(void)state;
	for (size_t i = 0; i < sizeof(server_finals) / sizeof(server_finals[0]);
	     i++) {
		struct scram_client *c = client_begun(&secret, no_binding());

		check_client_step(c, "r=abcd" GOOD_SALT ",i=4096",
				  SCRAM_CONTINUE, NULL);
		check_client_step(c, server_finals[i].text,
				  server_finals[i].expected, NULL);
		scram_client_free(c);
	}
}

/* A server that knows StoredKey, from an old dump, but no ServerKey. */
static void
scram_client_wants_proof_of_the_server_key(void **state)
{
	struct scram_secret secret = pencil();
	struct scram_verifier half = secret.verifier;
	struct scram_server *s;
	struct scram_client *c;
	struct scram_outcome o;

	(void)state;
	half.server_key[0] ^= 1;
	s = server_of(&half, no_binding());
	c = client_of(&secret, no_binding(), false);
	o = exchange(s, c, false);
	assert_int_equal(o.server, SCRAM_DONE);
	assert_int_equal(o.client, SCRAM_UNPROVEN);
	scram_client_free(c);
	scram_server_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scram_client_first_is_what_libpq_says),
	    cmocka_unit_test(scram_client_judges_the_first_message),
	    cmocka_unit_test(scram_client_judges_the_final_message),
	    cmocka_unit_test(scram_client_wants_proof_of_the_server_key),
	};

	return cmocka_run_group_tests_name("proxy/auth/scram_client", tests,
					   NULL, NULL);
}
