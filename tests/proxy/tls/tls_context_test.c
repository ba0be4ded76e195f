#include "proxy/tls/tls_context.h"

#include <openssl/err.h>

#include "proxy/tls/tls.h"
#include "tests/support/allocation.h"
#include "tests/support/certificates.h"

/* One file of each kind that is wrong. */
static int
setup(void **state)
{
	const struct certificate_plan rsa = {.cn = "rsa",
					     .key = CERTIFICATE_RSA};
	struct certificate c;

	if (certificates_enter_folder(state) != 0)
		return -1;
	certificate_issue("rsa", &rsa, NULL);
	c = certificate_read("server");
	certificate_write_key(&c, "locked", "sesame");
	certificate_write_key(&c, "loose", NULL);
	certificate_clear(&c);
	c = certificate_read("ca");
	certificate_write_crl("ca", &c, NULL);
	certificate_clear(&c);
	certificate_write_text("junk", "no certificate at all\n");
	certificate_write_text("empty", "");
	return chmod("loose.key", 0644);
}

/* The whole of what a key file's owner is told. */
#define LOOSE                                                                  \
	"private key file \"loose.key\" has group or world access. File must " \
	"have permissions u=rw (0600) or less if owned by the user Lockstep "  \
	"runs as, or u=rw,g=r (0640) or less if owned by root."

static const struct {
	struct tls_settings s;
	const char *why;
} bad[] = {
    {{.cert = "none.crt", .key = "server.key"},
     "could not load certificate file \"none.crt\": No such file or "
     "directory"},
    {{.cert = "empty", .key = "server.key"},
     "could not load certificate file \"empty\": no start line"},
    {{.cert = "junk", .key = "server.key"},
     "could not load certificate file \"junk\": no start line"},
    {{.cert = "server.key", .key = "server.key"},
     "could not load certificate file \"server.key\": no start line"},
    {{.cert = "server.crt", .key = "none.key"},
     "could not open private key file \"none.key\": No such file or "
     "directory"},
    {{.cert = "server.crt", .key = "loose.key"}, LOOSE},
    {{.cert = "server.crt", .key = "junk"},
     "could not load private key file \"junk\": unsupported"},
    {{.cert = "server.crt", .key = "locked.key", .key_password = "hunter2"},
     "private key file \"locked.key\" is encrypted, and its password is "
     "another one"},
    {{.cert = "server.crt", .key = "client.key"},
     "private key file \"client.key\" is not that of certificate file "
     "\"server.crt\": key values mismatch"},
    {{.cert = "server.crt", .key = "rsa.key"},
     "private key file \"rsa.key\" is not that of certificate file "
     "\"server.crt\": no certificate assigned"},
    {{.ca = "none.crt", .mode = TLS_VERIFY_CA},
     "could not load root certificate file \"none.crt\": No such file or "
     "directory"},
    {{.ca = "junk", .mode = TLS_VERIFY_CA},
     "could not load root certificate file \"junk\": no certificate or crl "
     "found"},
    {{.ca = "ca.crt", .crl = "none.crl"},
     "could not load certificate revocation list \"none.crl\": No such file "
     "or directory"},
    {{.ca = "ca.crt", .crl = "junk"},
     "could not load certificate revocation list \"junk\": no start line"},
    {{.ca = "ca.crt", .crl = "ca.crt"},
     "could not load certificate revocation list \"ca.crt\": no start line"},
    {{.ciphers = "NONSENSE"},
     "could not set the ciphers \"NONSENSE\": no cipher match"},
    {{.ciphers = "TLS_NONSENSE"},
     "could not set the ciphers \"TLS_NONSENSE\": no cipher match"},
    {{.ciphers = "ECDHE-RSA-AES128-GCM-SHA256:TLS_NONSENSE"},
     "could not set the ciphers \"ECDHE-RSA-AES128-GCM-SHA256:TLS_NONSENSE\": "
     "no cipher match"},
};

typedef struct tls_context *context_new(const struct tls_settings *s,
					char why[TLS_WHY_MAX]);

static void
assert_refused(context_new *make, const struct tls_settings *s,
	       const char *expected)
{
	char why[TLS_WHY_MAX] = "";

	assert_null(make(s, why));
	assert_string_equal(why, expected);
}

static void
tls_context_says_what_is_wrong_with_a_file(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("%s\n", bad[i].why);
		assert_refused(tls_context_for_server, &bad[i].s, bad[i].why);
		assert_refused(tls_context_for_clients, &bad[i].s, bad[i].why);
	}
}

/* An error that nobody took must not be taken for the next one's. */
static void
tls_context_leaves_no_error_behind(void **state)
{
	const struct tls_settings good = {.cert = "server.crt",
					  .key = "server.key"};
	char why[TLS_WHY_MAX];
	struct tls_context *c;

	(void)state;
	c = tls_context_for_clients(&good, why);
	assert_non_null(c);
	assert_int_equal(ERR_peek_error(), 0);
	tls_context_release(c);
	assert_null(tls_context_for_clients(&bad[0].s, why));
	assert_int_equal(ERR_peek_error(), 0);
}

static void
assert_accepted(context_new *make, const struct tls_settings *s)
{
	char why[TLS_WHY_MAX];
	struct tls_context *c = make(s, why);

	if (c == NULL)
		fail_msg("%s", why);
	tls_context_release(c);
}

static void
tls_context_reads_what_is_right(void **state)
{
	static const struct tls_settings good[] = {
	    {.cert = "server.crt", .key = "server.key"},
	    {.cert = "rsa.crt", .key = "rsa.key"},
	    {.cert = "server.crt",
	     .key = "locked.key",
	     .key_password = "sesame"},
	    {.cert = "server.crt",
	     .key = "server.key",
	     .key_password = "needless"},
	    {.ca = "ca.crt", .mode = TLS_VERIFY_FULL},
	    {.ca = "ca.crt", .crl = "ca.crl"},
	    {.ca = "ca.crt", .crl_dir = "."},
	    {.ciphers = "HIGH:!aNULL"},
	    {.ciphers = "TLS_AES_128_GCM_SHA256"},
	    {.ciphers = "HIGH, TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384"},
	    {.ciphers = ""},
	    {.min_version = TLS_VERSION_1_2, .max_version = TLS_VERSION_1_3},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_accepted(tls_context_for_server, &good[i]);
		assert_accepted(tls_context_for_clients, &good[i]);
	}
}

static void
tls_context_for_server_trusts_the_system(void **state)
{
	const struct tls_settings s = {.ca = "system", .mode = TLS_VERIFY_FULL};

	(void)state;
	assert_accepted(tls_context_for_server, &s);
}

static void
tls_context_for_server_needs_no_file(void **state)
{
	const struct tls_settings s = {.mode = TLS_REQUIRE};

	(void)state;
	assert_accepted(tls_context_for_server, &s);
}

/* A password of any length is refused or used, but never cut. */
static void
tls_context_takes_a_password_as_a_whole(void **state)
{
	char password[2048];
	struct tls_settings s = {
	    .cert = "server.crt", .key = "long.key", .key_password = password};
	struct certificate c = certificate_read("server");

	(void)state;
	memset(password, 'x', sizeof(password) - 1);
	password[1024] = '\0';
	certificate_write_key(&c, "long", password);
	certificate_clear(&c);
	assert_accepted(tls_context_for_clients, &s);
	password[1024] = 'y';
	password[sizeof(password) - 1] = '\0';
	assert_refused(tls_context_for_clients, &s,
		       "private key file \"long.key\" is encrypted, and its "
		       "password is another one");
}

static void
tls_context_says_what_to_do_about_a_password(void **state)
{
	const struct tls_settings s = {.cert = "server.crt",
				       .key = "locked.key"};

	(void)state;
	assert_refused(tls_context_for_clients, &s,
		       "private key file \"locked.key\" is encrypted: store it "
		       "without a password");
	assert_refused(tls_context_for_server, &s,
		       "private key file \"locked.key\" is encrypted: set "
		       "sslpassword, or store it without a password");
}

/* Versions and ciphers: what comes of them in a handshake. */

static void
pass(struct tls *from, struct tls *to)
{
	struct buffer *out = tls_output(from);

	assert_true(tls_feed(to, buffer_span(out)));
	buffer_clear(out);
}

/* "TLSv1.3 TLS_AES_128_GCM_SHA256", or "" */
static const char *
agreed(const struct tls_settings *server, const struct tls_settings *client)
{
	static char text[128];
	char why[TLS_WHY_MAX] = "";
	struct tls_context *of_server = tls_context_for_clients(server, why);
	struct tls_context *of_client = tls_context_for_server(client, why);
	struct tls *s;
	struct tls *c;
	int turns;

	assert_string_equal(why, "");
	s = tls_new(of_server, NULL);
	c = tls_new(of_client, NULL);
	text[0] = '\0';
	for (turns = 0; turns < 4; turns++) {
		bool is_done = tls_handshake(c) == TLS_DONE;

		pass(c, s);
		if (tls_handshake(s) == TLS_DONE && is_done)
			snprintf(text, sizeof(text), "%s %s",
				 tls_version_name(c), tls_cipher_name(s));
		pass(s, c);
	}
	tls_free(s);
	tls_free(c);
	tls_context_release(of_server);
	tls_context_release(of_client);
	return text;
}

static void
assert_agreed(const char *ciphers, enum tls_version client_max,
	      const char *expected)
{
	const struct tls_settings server = {.cert = "server.crt",
					    .key = "server.key",
					    .ciphers = (char *)ciphers};
	const struct tls_settings client = {.max_version = client_max};

	assert_string_equal(agreed(&server, &client), expected);
}

static void
tls_context_splits_the_suites_of_tls_1_3_from_the_older_ones(void **state)
{
	static const char both[] =
	    "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_CHACHA20_POLY1305_SHA256";

	(void)state;
	assert_agreed(both, TLS_VERSION_ANY,
		      "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256");
	assert_agreed(both, TLS_VERSION_1_2,
		      "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256");
	assert_agreed("TLS_AES_128_GCM_SHA256 , TLS_AES_256_GCM_SHA384",
		      TLS_VERSION_ANY, "TLSv1.3 TLS_AES_128_GCM_SHA256");
	assert_agreed("TLS_AES_128_CCM_SHA256:ECDHE-ECDSA-CHACHA20-POLY1305,"
		      "TLS_AES_128_GCM_SHA256",
		      TLS_VERSION_1_2, "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305");
	/* Of one kind alone: the other stays as it was. */
	assert_agreed("ECDHE-ECDSA-AES128-GCM-SHA256", TLS_VERSION_ANY,
		      "TLSv1.3 TLS_AES_256_GCM_SHA384");
	assert_agreed("TLS_AES_128_GCM_SHA256", TLS_VERSION_1_2,
		      "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384");
}

static void
tls_context_keeps_to_its_versions(void **state)
{
	static const struct {
		enum tls_version server_min, server_max;
		enum tls_version client_min, client_max;
		const char *version;
	} cases[] = {
	    {0, 0, 0, 0, "TLSv1.3"},
	    {TLS_VERSION_1_2, TLS_VERSION_1_2, 0, 0, "TLSv1.2"},
	    {0, 0, TLS_VERSION_1_2, TLS_VERSION_1_2, "TLSv1.2"},
	    {TLS_VERSION_1_3, 0, 0, TLS_VERSION_1_2, ""},
	    {0, TLS_VERSION_1_2, TLS_VERSION_1_3, 0, ""},
	    {0, TLS_VERSION_1_3, TLS_VERSION_1_3, 0, "TLSv1.3"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tls_settings server = {
		    .cert = "server.crt",
		    .key = "server.key",
		    .min_version = cases[i].server_min,
		    .max_version = cases[i].server_max};
		const struct tls_settings client = {
		    .min_version = cases[i].client_min,
		    .max_version = cases[i].client_max};
		const char *text = agreed(&server, &client);
		size_t len = strlen(cases[i].version);

		assert_int_equal(strcspn(text, " "), len);
		assert_memory_equal(text, cases[i].version, len);
	}
}

/* Uses and memory */

static void
tls_context_lives_as_long_as_it_is_used(void **state)
{
	const struct tls_settings s = {.mode = TLS_REQUIRE};
	char why[TLS_WHY_MAX];
	struct tls_context *c = tls_context_for_server(&s, why);
	struct tls *t;

	(void)state;
	assert_ptr_equal(tls_context_use(c), c);
	tls_context_release(c);
	t = tls_new(c, "db.test");
	tls_context_release(c);
	assert_int_equal(tls_handshake(t), TLS_MORE);
	tls_free(t);
}

static void
assert_fails_without_memory(context_new *make)
{
	const struct tls_settings s = {
	    .cert = "server.crt",
	    .key = "server.key",
	    .ca = "ca.crt",
	    .ciphers = "HIGH:TLS_AES_128_GCM_SHA256",
	};
	char why[TLS_WHY_MAX];
	struct tls_context *c;
	unsigned allowed;

	for (allowed = 0;; allowed++) {
		why[0] = '\0';
		allocation_fail_after(allowed);
		c = make(&s, why);
		if (!allocation_restore())
			break;
		assert_null(c);
		assert_string_not_equal(why, "");
	}
	assert_non_null(c);
	assert_true(allowed > 1);
	tls_context_release(c);
}

static void
tls_context_without_memory_is_null(void **state)
{
	(void)state;
	assert_fails_without_memory(tls_context_for_server);
	assert_fails_without_memory(tls_context_for_clients);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tls_context_says_what_is_wrong_with_a_file),
	    cmocka_unit_test(tls_context_leaves_no_error_behind),
	    cmocka_unit_test(tls_context_reads_what_is_right),
	    cmocka_unit_test(tls_context_for_server_trusts_the_system),
	    cmocka_unit_test(tls_context_for_server_needs_no_file),
	    cmocka_unit_test(tls_context_takes_a_password_as_a_whole),
	    cmocka_unit_test(tls_context_says_what_to_do_about_a_password),
	    cmocka_unit_test(
		tls_context_splits_the_suites_of_tls_1_3_from_the_older_ones),
	    cmocka_unit_test(tls_context_keeps_to_its_versions),
	    cmocka_unit_test(tls_context_lives_as_long_as_it_is_used),
	    cmocka_unit_test(tls_context_without_memory_is_null),
	};

	return cmocka_run_group_tests_name("proxy/tls/tls_context", tests,
					   setup, certificates_leave_folder);
}
