#include "protocol/scram.h"

#include <stdio.h>

#include "tests/support/test.h"

/* RFC 7677, section 3 */
#define CLIENT_FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SERVER_FIRST "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define WITHOUT_PROOF "c=biws,r=" NONCE
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define CLIENT_FINAL WITHOUT_PROOF ",p=" PROOF
#define SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

/* PostgreSQL 15's, of the password "pencil" */
#define SALT "f6XmtETy1a2dIe/9mP939g=="
#define STORED_KEY "aRsnWcm1WUoCivOmJJC3CNYBHf8VZL0k3l5x9fqzrak="
#define SERVER_KEY "i/UBcfuGXFGq1SPfdBOGSueJElcFbpVD/ffLeX/NAqo="
#define VERIFIER "SCRAM-SHA-256$4096:" SALT "$" STORED_KEY ":" SERVER_KEY

typedef bool verdict_fn(struct span text);

static bool
client_first(struct span text)
{
	struct scram_client_first_message m;

	return scram_client_first_decode(&m, text);
}

static bool
client_final(struct span text)
{
	struct scram_client_final_message m;

	return scram_client_final_decode(&m, text);
}

static bool
server_first(struct span text)
{
	struct scram_server_first_message m;

	return scram_server_first_decode(&m, text);
}

static bool
server_final(struct span text)
{
	struct scram_server_final_message m;

	return scram_server_final_decode(&m, text);
}

static bool
verifier(struct span text)
{
	struct scram_verifier_text t;

	return scram_verifier_decode(&t, text);
}

static struct span
text_of(const char *text)
{
	return span_of(text, strlen(text));
}

/*
 * The bytes up to `min` are needed; behind that a prefix is a shorter message,
 * which is as good.
 */
static void
check_prefixes(const char *text, size_t min, verdict_fn *is_good)
{
	for (size_t len = 0; len <= strlen(text); len++) {
		struct span prefix = bytes_copy(span_of(text, len));

		if (is_good(prefix) != (len >= min))
			fail_msg("%zu bytes of %s", len, text);
		bytes_free(prefix);
	}
}

static void
scram_decoders_want_all_that_is_needed(void **state)
{
	(void)state;
	check_prefixes(CLIENT_FIRST, strlen("n,,n=user,r=") + 1, client_first);
	check_prefixes("p=tls-server-end-point,,n=,r=x",
		       strlen("p=tls-server-end-point,,n=,r=x"), client_first);
	check_prefixes(CLIENT_FINAL, strlen(WITHOUT_PROOF ",p="), client_final);
	check_prefixes(SERVER_FIRST, strlen(SERVER_FIRST) - 3, server_first);
	check_prefixes("v=" SIGNATURE, 2, server_final);
	check_prefixes("e=other-error", 2, server_final);
	check_prefixes(VERIFIER, strlen(VERIFIER) - strlen(SERVER_KEY) + 1,
		       verifier);
}

struct example {
	const char *text;
	bool is_good;
};

static void
check_examples(const struct example *examples, size_t count,
	       verdict_fn *is_good)
{
	for (size_t i = 0; i < count; i++) {
		struct span text = bytes_copy(text_of(examples[i].text));

		if (is_good(text) != examples[i].is_good)
			fail_msg("%s", examples[i].text);
		bytes_free(text);
	}
	assert_false(is_good((struct span){.data = NULL}));
}

#define CHECK(examples, is_good)                                               \
	check_examples(examples, sizeof(examples) / sizeof((examples)[0]),     \
		       is_good)

static const struct example client_first_examples[] = {
    {CLIENT_FIRST, true},         {"n,,n=,r=x", true},
    {"y,,n=,r=x", true},          {"p=tls-unique,,n=,r=x", true},
    {"n,,n==2C,r=!~", true},      {"n,,n=,r=x,a=extension", true},
    {"n,,n=,r=x,a=,Z=z=z", true}, {"n,,n=,r=x,", false},
    {"n,,n=,r=x,,a=b", false},    {"n,,n=,r=x,a", false},
    {"n,,n=,r=x,1=b", false},     {"n,,n=,r=x,ab=c", false},
    {"n,,n=,r=", false},          {"n,,n=,r=,a=b", false},
    {"n,,n=,r= x", false},        {"n,,n=,r=x\x7f", false},
    {"n,,n=,r=\xc3\xa4", false},  {"n,,r=x", false},
    {"n,,r=x,n=", false},         {"n,,n=", false},
    {"n,,n,r=x", false},          {"n,,m=ext,n=,r=x", false},
    {"n,a=ann,n=,r=x", false},    {"n,a=,n=,r=x", false},
    {"n,n=,r=x", false},          {"n=,r=x", false},
    {"N,,n=,r=x", false},         {"nn,,n=,r=x", false},
    {"n=x,,n=,r=x", false},       {"y=x,,n=,r=x", false},
    {"p,,n=,r=x", false},         {"p=,,n=,r=x", false},
    {",,n=,r=x", false},          {"x,,n=,r=x", false},
    {"\xff,,n=,r=x", false},
};

static const struct example client_final_examples[] = {
    {CLIENT_FINAL, true},
    {"c=,r=x,p=y", true},
    {"c=biws,r=x,a=b,p=y", true},
    {"c=biws,r=x,p=", true},
    {"c=biws,r=x", false},
    {"c=biws,p=y", false},
    {"r=x,p=y", false},
    {"r=x,c=biws,p=y", false},
    {"c=biws,r=x,p=y,", false},
    {"c=biws,r=x,p=y,a=b", false},
    {"c=biws,r=x,p=y,p=y", false},
    {"c=biws,r=x,,p=y", false},
    {"c=biws,r=x,a=b", false},
    {"C=biws,r=x,p=y", false},
    {"biws,r=x,p=y", false},
};

static const struct example server_first_examples[] = {
    {SERVER_FIRST, true},
    {"r=x,s=,i=1", true},
    {"r=x,s=YQ==,i=2147483647", true},
    {"r=x,s=YQ==,i=00004096", true},
    {"r=x,s=YQ==,i=2147483648", false},
    {"r=x,s=YQ==,i=4294967297", false},
    {"r=x,s=YQ==,i=18446744073709551617", false},
    {"r=x,s=YQ==,i=0", false},
    {"r=x,s=YQ==,i=-1", false},
    {"r=x,s=YQ==,i=+1", false},
    {"r=x,s=YQ==,i= 1", false},
    {"r=x,s=YQ==,i=1 ", false},
    {"r=x,s=YQ==,i=1x", false},
    {"r=x,s=YQ==,i=", false},
    {"r=x,s=YQ==,i=1,", false},
    {"r=x,s=YQ==,i=1,a=b", false},
    {"r=x,i=1,s=YQ==", false},
    {"r=,s=YQ==,i=1", false},
    {"r=\x01,s=YQ==,i=1", false},
    {"m=x,r=x,s=YQ==,i=1", false},
    {"e=other-error", false},
    {"s=YQ==,i=1", false},
};

static const struct example server_final_examples[] = {
    {"v=" SIGNATURE, true}, {"e=invalid-proof", true},
    {"v=", true},           {"v=x,", false},
    {"v=x,a=b", false},     {"e=x,v=x", false},
    {"V=x", false},         {"x=x", false},
    {"v", false},           {"=x", false},
};

static const struct example verifier_examples[] = {
    {VERIFIER, true},
    {"SCRAM-SHA-256$1:s$a:b", true},
    {"SCRAM-SHA-256$2147483647:s$a:b", true},
    {"SCRAM-SHA-256$2147483648:s$a:b", false},
    {"SCRAM-SHA-256$0:s$a:b", false},
    {"SCRAM-SHA-256$-1:s$a:b", false},
    {"SCRAM-SHA-256$:s$a:b", false},
    {"SCRAM-SHA-256$1$a:b", false},
    {"SCRAM-SHA-256$1:$a:b", false},
    {"SCRAM-SHA-256$1:s$:b", false},
    {"SCRAM-SHA-256$1:s$a:", false},
    {"SCRAM-SHA-256$1:s$a", false},
    {"SCRAM-SHA-256$1:s:a:b", false},
    {"SCRAM-SHA-256:1:s$a:b", false},
    {"SCRAM-SHA-512$1:s$a:b", false},
    {"scram-sha-256$1:s$a:b", false},
    {"SCRAM-SHA-256-PLUS$1:s$a:b", false},
    {" SCRAM-SHA-256$1:s$a:b", false},
    {"md5e9e3a9b4e6a1b7b6c3a4d1f4a2b3c4d5", false},
    {"pencil", false},
    {"", false},
};

static void
scram_decoders_take_what_postgresql_takes(void **state)
{
	(void)state;
	CHECK(client_first_examples, client_first);
	CHECK(client_final_examples, client_final);
	CHECK(server_first_examples, server_first);
	CHECK(server_final_examples, server_final);
	CHECK(verifier_examples, verifier);
}

static void
scram_decoders_refuse_a_nul_byte(void **state)
{
	(void)state;
	assert_false(client_first(bytes("n,,n=\0,r=x", 10)));
	assert_false(client_first(bytes("n,,n=,r=x\0", 10)));
	assert_false(client_first(bytes("n,,n=,r=x,a=\0", 13)));
	assert_false(client_final(bytes("c=biws,r=x,p=y\0", 15)));
	assert_false(server_first(bytes("r=x,s=YQ==,i=1\0", 15)));
	assert_false(server_final(bytes("v=x\0", 4)));
	assert_false(verifier(bytes("SCRAM-SHA-256$1:s$a:b\0", 22)));
}

/* `head`, then as many x as make it `len` bytes. */
static bool
padded(const char *head, size_t len, verdict_fn *is_good)
{
	char *text = malloc(len);
	bool result;

	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, head, strlen(head));
	result = is_good(span_of(text, len));
	free(text);
	return result;
}

static void
scram_decoders_bound_what_they_read(void **state)
{
	const char *nonce = "n,,n=,r=";

	(void)state;
	assert_true(padded("n,,n=,r=x,a=", SCRAM_MESSAGE_MAX, client_first));
	assert_false(
	    padded("n,,n=,r=x,a=", SCRAM_MESSAGE_MAX + 1, client_first));
	assert_true(
	    padded(nonce, strlen(nonce) + SCRAM_NONCE_MAX, client_first));
	assert_false(
	    padded(nonce, strlen(nonce) + SCRAM_NONCE_MAX + 1, client_first));
	assert_true(padded("c=biws,r=x,p=", SCRAM_MESSAGE_MAX, client_final));
	assert_false(
	    padded("c=biws,r=x,p=", SCRAM_MESSAGE_MAX + 1, client_final));
	assert_true(padded("v=", SCRAM_MESSAGE_MAX, server_final));
	assert_false(padded("v=", SCRAM_MESSAGE_MAX + 1, server_final));
}

static void
scram_client_first_decode_finds_the_parts(void **state)
{
	struct scram_client_first_message m;

	(void)state;
	assert_true(scram_client_first_decode(&m, text_of(CLIENT_FIRST)));
	assert_int_equal(m.flag, SCRAM_BINDING_NONE);
	assert_int_equal(m.binding_type.len, 0);
	assert_span_text(m.gs2_header, "n,,");
	assert_span_text(m.bare, "n=user,r=rOprNGfwEbeRWgbNEkqO");
	assert_span_text(m.nonce, "rOprNGfwEbeRWgbNEkqO");

	assert_true(scram_client_first_decode(&m, text_of("y,,n=,r=x,a=b")));
	assert_int_equal(m.flag, SCRAM_BINDING_DECLINED);
	assert_span_text(m.gs2_header, "y,,");
	assert_span_text(m.bare, "n=,r=x,a=b");
	assert_span_text(m.nonce, "x");

	assert_true(scram_client_first_decode(
	    &m, text_of("p=tls-server-end-point,,n=,r=x")));
	assert_int_equal(m.flag, SCRAM_BINDING_USED);
	assert_span_text(m.binding_type, scram_binding_type);
	assert_span_text(m.gs2_header, "p=tls-server-end-point,,");
	assert_span_text(m.bare, "n=,r=x");
}

static void
scram_client_final_decode_finds_the_parts(void **state)
{
	struct scram_client_final_message m;

	(void)state;
	assert_true(scram_client_final_decode(&m, text_of(CLIENT_FINAL)));
	assert_span_text(m.binding, "biws");
	assert_span_text(m.nonce, NONCE);
	assert_span_text(m.proof, PROOF);
	assert_span_text(m.without_proof, WITHOUT_PROOF);

	assert_true(scram_client_final_decode(&m, text_of("c=,r=,a=b,p=y")));
	assert_int_equal(m.binding.len, 0);
	assert_int_equal(m.nonce.len, 0);
	assert_span_text(m.proof, "y");
	assert_span_text(m.without_proof, "c=,r=,a=b");
}

static void
scram_server_decoders_find_the_parts(void **state)
{
	struct scram_server_first_message first;
	struct scram_server_final_message final;

	(void)state;
	assert_true(scram_server_first_decode(&first, text_of(SERVER_FIRST)));
	assert_span_text(first.nonce, NONCE);
	assert_span_text(first.salt, "W22ZaJ0SNY7soEsUEjb6gQ==");
	assert_int_equal(first.iterations, 4096);

	assert_true(scram_server_final_decode(&final, text_of("v=" SIGNATURE)));
	assert_false(final.is_error);
	assert_span_text(final.signature, SIGNATURE);
	assert_int_equal(final.error.len, 0);

	assert_true(
	    scram_server_final_decode(&final, text_of("e=invalid-proof")));
	assert_true(final.is_error);
	assert_span_text(final.error, "invalid-proof");
	assert_int_equal(final.signature.len, 0);
}

static void
scram_verifier_decode_finds_the_parts(void **state)
{
	struct scram_verifier_text t;

	(void)state;
	assert_true(scram_verifier_decode(&t, text_of(VERIFIER)));
	assert_int_equal(t.iterations, 4096);
	assert_span_text(t.salt, SALT);
	assert_span_text(t.stored_key, STORED_KEY);
	assert_span_text(t.server_key, SERVER_KEY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scram_decoders_want_all_that_is_needed),
	    cmocka_unit_test(scram_decoders_take_what_postgresql_takes),
	    cmocka_unit_test(scram_decoders_refuse_a_nul_byte),
	    cmocka_unit_test(scram_decoders_bound_what_they_read),
	    cmocka_unit_test(scram_client_first_decode_finds_the_parts),
	    cmocka_unit_test(scram_client_final_decode_finds_the_parts),
	    cmocka_unit_test(scram_server_decoders_find_the_parts),
	    cmocka_unit_test(scram_verifier_decode_finds_the_parts),
	};

	return cmocka_run_group_tests_name("protocol/scram", tests, NULL, NULL);
}
