#include "proxy/auth/scram.h"

#include "tests/support/allocation.h"
#include "tests/support/scram.h"
#include "tests/support/test.h"

static void
scram_server_step_answers_as_recorded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(recordings) / sizeof(recordings[0]);
	     i++) {
		const struct scram_recording *r = &recordings[i];
		struct scram_secret secret =
		    scram_secret_of_text("pencil", r->salt, 4096);
		struct scram_server *s =
		    server_of(&secret.verifier, no_binding());
		uint8_t key[SCRAM_KEY_BYTES];

		strcpy(s->own_nonce, r->server_nonce);
		check_server_step(s, false, r->client_first, SCRAM_CONTINUE,
				  r->server_first);
		check_server_step(s, false, r->client_final, SCRAM_DONE,
				  r->server_final);
		scram_server_client_key(s, key);
		assert_memory_equal(key, secret.client_key, sizeof(key));
		scram_server_free(s);
	}
}

static void
scram_client_step_answers_as_recorded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(recordings) / sizeof(recordings[0]);
	     i++) {
		const struct scram_recording *r = &recordings[i];
		struct scram_secret secret =
		    scram_secret_of_text("pencil", r->salt, 4096);
		struct scram_client *c =
		    client_of(&secret, no_binding(), false);
		struct writer w = {0};

		strcpy(c->own_nonce, r->client_nonce);
		assert_true(scram_client_first(c, &w));
		/* ours tells no name, whoever was recorded may have */
		writer_reset(&c->transcript);
		write_bytes(&c->transcript, r->bare, strlen(r->bare));
		check_client_step(c, r->server_first, SCRAM_CONTINUE,
				  r->client_final);
		check_client_step(c, r->server_final, SCRAM_DONE, "");
		scram_client_free(c);
		writer_clear(&w);
	}
}

static const struct {
	const char *name;
	const char *server_binding;
	const char *client_binding;
	bool can_bind;
	bool is_plus;
	enum scram_status expected;
} combinations[] = {
    {"nobody can", "", "", false, false, SCRAM_DONE},
    {"the client could", "", "", true, false, SCRAM_DONE},
    {"the server could", "hash", "", false, false, SCRAM_DONE},
    {"both do", "hash", "hash", false, true, SCRAM_DONE},
    {"both do, as they could", "hash", "hash", true, true, SCRAM_DONE},
    {"somebody took PLUS away", "hash", "", true, false, SCRAM_NO_BINDING},
    {"other certificate", "hash", "hasH", false, true, SCRAM_NO_BINDING},
    {"longer hash", "hash", "hash1", false, true, SCRAM_NO_BINDING},
    {"PLUS was not offered", "", "hash", false, true, SCRAM_BAD},
    {"PLUS without p", "hash", "", false, true, SCRAM_BAD},
    {"PLUS with y", "hash", "", true, true, SCRAM_BAD},
    {"p without PLUS", "hash", "hash", false, false, SCRAM_BAD},
    {"p without anything", "", "hash", false, false, SCRAM_BAD},
};

static void
scram_sides_agree_on_the_binding(void **state)
{
	struct scram_secret secret = pencil();

	(void)state;
	for (size_t i = 0; i < sizeof(combinations) / sizeof(combinations[0]);
	     i++) {
		struct scram_server *s = server_of(
		    &secret.verifier, text_of(combinations[i].server_binding));
		struct scram_client *c =
		    client_of(&secret, text_of(combinations[i].client_binding),
			      combinations[i].can_bind);
		struct scram_outcome o =
		    exchange(s, c, combinations[i].is_plus);

		print_message("%s\n", combinations[i].name);
		assert_int_equal(o.server, combinations[i].expected);
		if (o.server == SCRAM_DONE)
			assert_int_equal(o.client, SCRAM_DONE);
		scram_client_free(c);
		scram_server_free(s);
	}
}

static void
scram_sides_bind_to_the_longest_hash(void **state)
{
	struct scram_secret secret = pencil();
	uint8_t hash[SCRAM_BINDING_MAX];
	struct scram_server *s;
	struct scram_client *c;

	(void)state;
	memset(hash, 0xab, sizeof(hash));
	s = server_of(&secret.verifier, span_of(hash, sizeof(hash)));
	c = client_of(&secret, span_of(hash, sizeof(hash)), true);
	assert_int_equal(exchange(s, c, true).client, SCRAM_DONE);
	scram_client_free(c);
	scram_server_free(s);
}

/* Both may write into a message that has begun. */
static void
scram_steps_append_to_what_is_there(void **state)
{
	struct scram_secret secret = pencil();
	struct scram_server *s = server_of(&secret.verifier, no_binding());
	struct scram_client *c = client_of(&secret, no_binding(), false);
	struct writer w = {0};
	struct writer answer = {0};

	(void)state;
	writer_begin(&w, 'p');
	assert_true(scram_client_first(c, &w));
	writer_end(&w);
	assert_memory_equal(w.data, "p\0\0\0\44n,,n=,r=", 13);
	assert_int_equal(w.len, 5 + 8 + 24);
	writer_begin(&answer, 'R');
	assert_int_equal(scram_server_step(
			     s, false, span_of(w.data + 5, w.len - 5), &answer),
			 SCRAM_CONTINUE);
	writer_end(&answer);
	assert_memory_equal(answer.data + 5, "r=", 2);
	assert_int_equal(answer.data[4], answer.len - 1);
	writer_clear(&w);
	writer_clear(&answer);
	scram_client_free(c);
	scram_server_free(s);
}

static void
scram_sides_survive_every_failing_allocation(void **state)
{
	struct scram_secret secret = pencil();
	bool has_failed = true;
	unsigned n;

	(void)state;
	for (n = 0; has_failed; n++) {
		struct scram_outcome o = {SCRAM_FAILED, SCRAM_FAILED};
		struct scram_server *s;
		struct scram_client *c;

		allocation_fail_after(n);
		s = scram_server_new(&secret.verifier, text_of("user"), &mock,
				     text_of("hash"));
		c = scram_client_new(&secret.verifier, secret.client_key,
				     text_of("hash"), true);
		if (s != NULL && c != NULL)
			o = exchange(s, c, true);
		has_failed = allocation_restore();
		if (has_failed)
			assert_true(o.server == SCRAM_FAILED ||
				    o.client == SCRAM_FAILED);
		else
			assert_int_equal(o.client, SCRAM_DONE);
		scram_client_free(c);
		scram_server_free(s);
	}
	assert_in_range(n, 8, 64);
}

static void
scram_free_accepts_null(void **state)
{
	(void)state;
	scram_server_free(NULL);
	scram_client_free(NULL);
}

static void
scram_verifier_parse_reads_what_postgresql_made(void **state)
{
	struct scram_secret secret = pencil();
	struct scram_verifier v;

	(void)state;
	assert_true(scram_verifier_parse(&v, PENCIL_VERIFIER));
	assert_int_equal(v.iterations, 4096);
	assert_int_equal(v.salt_len, 16);
	assert_memory_equal(v.salt, secret.verifier.salt, 16);
	assert_memory_equal(v.stored_key, secret.verifier.stored_key,
			    SCRAM_KEY_BYTES);
	assert_memory_equal(v.server_key, secret.verifier.server_key,
			    SCRAM_KEY_BYTES);
}

#define HEAD "SCRAM-SHA-256$4096:"
#define KEYS "$" PENCIL_STORED_KEY ":" PENCIL_SERVER_KEY
#define LONGEST_SALT /* 64 bytes */                                            \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"     \
	"AAAAAAAAAAAAAAAAAAAAAA=="

static const struct {
	const char *text;
	bool is_good;
} verifiers[] = {
    {HEAD "YQ==" KEYS, true},
    {HEAD LONGEST_SALT KEYS, true},
    {HEAD LONG_SALT KEYS, false},
    {HEAD "YQ=" KEYS, false},
    {HEAD "Y Q=" KEYS, false},
    {HEAD KEYS, false},
    {HEAD "YQ==$" SHORT_PROOF ":" PENCIL_SERVER_KEY, false},
    {HEAD "YQ==$" LONG_PROOF ":" PENCIL_SERVER_KEY, false},
    {HEAD "YQ==$" PENCIL_STORED_KEY ":" SHORT_PROOF, false},
    {HEAD "YQ==$" PENCIL_STORED_KEY ":" LONG_PROOF, false},
    {HEAD "YQ==" KEYS "A", false},
    {HEAD "YQ==" KEYS " ", false},
    {HEAD "YQ==" KEYS "\n", false},
    {"SCRAM-SHA-256$0:YQ==" KEYS, false},
    {"pencil", false},
    {"", false},
};

static void
scram_verifier_parse_wants_salt_and_keys_of_their_lengths(void **state)
{
	static const struct scram_verifier wiped;

	(void)state;
	for (size_t i = 0; i < sizeof(verifiers) / sizeof(verifiers[0]); i++) {
		struct scram_verifier v;

		memset(&v, 'x', sizeof(v));
		if (scram_verifier_parse(&v, verifiers[i].text) !=
		    verifiers[i].is_good)
			fail_msg("%s", verifiers[i].text);
		if (!verifiers[i].is_good)
			assert_memory_equal(&v, &wiped, sizeof(v));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scram_server_step_answers_as_recorded),
	    cmocka_unit_test(scram_client_step_answers_as_recorded),
	    cmocka_unit_test(scram_sides_agree_on_the_binding),
	    cmocka_unit_test(scram_sides_bind_to_the_longest_hash),
	    cmocka_unit_test(scram_steps_append_to_what_is_there),
	    cmocka_unit_test(scram_sides_survive_every_failing_allocation),
	    cmocka_unit_test(scram_free_accepts_null),
	    cmocka_unit_test(scram_verifier_parse_reads_what_postgresql_made),
	    cmocka_unit_test(
		scram_verifier_parse_wants_salt_and_keys_of_their_lengths),
	};

	return cmocka_run_group_tests_name("proxy/auth/scram", tests, NULL,
					   NULL);
}
