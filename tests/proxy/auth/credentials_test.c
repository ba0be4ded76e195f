#include "proxy/auth/credentials.h"

#include <pthread.h>
#include <stdatomic.h>

#include "proxy/tls/tls.h"
#include "tests/support/allocation.h"
#include "tests/support/certificates.h"
#include "tests/support/generation.h"

enum {
	USERS = 4,
	REPLACEMENTS = 100,
};

/* PostgreSQL's, of the password "pencil" */
#define VERIFIER                                                               \
	"SCRAM-SHA-256$4096:f6XmtETy1a2dIe/9mP939g==$aRsnWcm1WUoCivOmJJC3CNYB" \
	"Hf8VZL0k3l5x9fqzrak=:i/UBcfuGXFGq1SPfdBOGSueJElcFbpVD/ffLeX/NAqo="

static struct endpoint upstream = {.host = "db", .port = 5432};

/* All that there can be. */
static const struct config all = {
    .upstream = &upstream,
    .upstream_count = 1,
    .tls = {.mode = TLS_REQUIRE, .cert = "server.crt", .key = "server.key"},
    .upstream_tls = {.mode = TLS_VERIFY_FULL, .ca = "ca.crt"},
    .auth = AUTH_SCRAM,
    .auth_file = "roles",
};

/* That of all that is loaded; the configuration is the last one's. */
static struct generation generation;

static int
setup(void **state)
{
	if (certificates_enter_folder(state) != 0)
		return -1;
	certificate_write_text("roles", "\"joe\" \"" VERIFIER "\"\n");
	generation_lend(&generation, NULL);
	return 0;
}

static struct credentials *
load(const struct config *c, char **errors)
{
	size_t size;
	FILE *out = open_memstream(errors, &size);
	struct credentials *loaded;

	generation.config = (struct config *)(uintptr_t)c;
	loaded = credentials_load(&generation, out);
	fclose(out);
	return loaded;
}

static struct credentials *
assert_loaded(const struct config *c)
{
	char *errors = NULL;
	struct credentials *loaded = load(c, &errors);

	assert_string_equal(errors, "");
	assert_non_null(loaded);
	free(errors);
	return loaded;
}

static void
assert_refused(const struct config *c, const char *expected)
{
	char *errors = NULL;

	assert_null(load(c, &errors));
	assert_string_equal(errors, expected);
	free(errors);
}

static void
credentials_load_reads_all_that_is_set(void **state)
{
	struct credentials *c = assert_loaded(&all);
	uint8_t binding[TLS_BINDING_MAX];

	(void)state;
	assert_non_null(c->clients);
	assert_non_null(c->server);
	assert_int_equal(auth_file_count(c->auth_file), 1);
	assert_int_equal(c->binding.len,
			 tls_context_binding(c->clients, binding));
	assert_int_equal(c->binding.len, 32);
	assert_memory_equal(c->binding.data, binding, 32);
	credentials_release(c);
}

static void
credentials_for_generation_outlive_those_that_read_them(void **state)
{
	struct credentials *c = assert_loaded(&all);
	struct generation next;
	struct credentials *second;
	struct credentials *third;

	(void)state;
	generation_lend(&next, c->generation->config);
	second = credentials_for_generation(&next, c);
	third = credentials_for_generation(&next, second);
	assert_ptr_equal(third->generation, &next);
	credentials_release(second);
	credentials_release(c);
	assert_non_null(third->clients);
	assert_non_null(third->server);
	assert_int_equal(auth_file_count(third->auth_file), 1);
	assert_int_equal(third->binding.len, 32);
	assert_int_equal(third->binding.data[0], third->base->binding_bytes[0]);
	credentials_release(third);
}

static void
credentials_load_reads_nothing_that_is_not_used(void **state)
{
	const struct config pass = {.auth_file = "none"};
	struct config clear = all;
	struct config unserved = all;
	struct credentials *c;

	(void)state;
	c = assert_loaded(&pass);
	assert_null(c->clients);
	assert_null(c->server);
	assert_null(c->auth_file);
	assert_int_equal(c->binding.len, 0);
	credentials_release(c);
	clear.tls = (struct tls_settings){.cert = "none", .key = "none"};
	clear.upstream_tls = (struct tls_settings){.ca = "none"};
	c = assert_loaded(&clear);
	assert_null(c->clients);
	assert_null(c->server);
	assert_non_null(c->auth_file);
	credentials_release(c);
	unserved.upstream_count = 0;
	unserved.upstream_tls.ca = "none";
	c = assert_loaded(&unserved);
	assert_null(c->server);
	credentials_release(c);
}

/* So that nobody can tell roles that exist by what is made up for others. */
static void
credentials_load_makes_up_the_same_for_one_private_key(void **state)
{
	static const uint8_t zero[SCRAM_KEY_BYTES];
	struct config clear = all;
	struct credentials *a = assert_loaded(&all);
	struct credentials *b = assert_loaded(&all);
	struct credentials *c;
	struct credentials *d;

	(void)state;
	clear.tls.mode = TLS_DISABLE;
	c = assert_loaded(&clear);
	d = assert_loaded(&clear);
	assert_memory_not_equal(a->mock.key, zero, sizeof(zero));
	assert_memory_equal(a->mock.key, b->mock.key, sizeof(zero));
	assert_memory_not_equal(c->mock.key, zero, sizeof(zero));
	assert_memory_not_equal(c->mock.key, a->mock.key, sizeof(zero));
	assert_memory_not_equal(c->mock.key, d->mock.key, sizeof(zero));
	credentials_release(a);
	credentials_release(b);
	credentials_release(c);
	credentials_release(d);
}

static void
credentials_load_has_a_line_for_every_mistake(void **state)
{
	struct config c = all;

	(void)state;
	c.tls.cert = "none.crt";
	assert_refused(&c, "TLS with clients: could not load certificate file "
			   "\"none.crt\": No such file or directory\n");
	c.upstream_tls.ca = "none.ca";
	c.auth_file = "none.roles";
	assert_refused(&c, "TLS with clients: could not load certificate file "
			   "\"none.crt\": No such file or directory\n"
			   "upstream: could not load root certificate file "
			   "\"none.ca\": No such file or directory\n"
			   "could not open auth_file \"none.roles\": No such "
			   "file or directory\n");
	c.tls = all.tls;
	assert_refused(&c, "upstream: could not load root certificate file "
			   "\"none.ca\": No such file or directory\n"
			   "could not open auth_file \"none.roles\": No such "
			   "file or directory\n");
	c.upstream_tls = all.upstream_tls;
	assert_refused(&c, "could not open auth_file \"none.roles\": No such "
			   "file or directory\n");
}

static void
credentials_load_without_memory_is_null(void **state)
{
	char *errors;
	struct credentials *c;
	unsigned allowed;

	(void)state;
	generation.config = (struct config *)(uintptr_t)&all;
	for (allowed = 0;; allowed++) {
		size_t size;
		FILE *out = open_memstream(&errors, &size);

		allocation_fail_after(allowed);
		c = credentials_load(&generation, out);
		if (!allocation_restore()) {
			fclose(out);
			break;
		}
		fclose(out);
		assert_null(c);
		assert_string_not_equal(errors, "");
		free(errors);
	}
	assert_non_null(c);
	assert_true(allowed > 3);
	assert_string_equal(errors, "");
	free(errors);
	credentials_release(c);
}

static void
credentials_load_looks_up_who_may_use_the_console(void **state)
{
	char name[] = "joe";
	char *names[] = {name};
	const struct config c = {.stats_users = {names, 1}};
	const struct config nobody = {.auth = AUTH_PASS};
	struct credentials *loaded = assert_loaded(&c);

	(void)state;
	assert_int_equal(console_access_find(loaded->console, "joe"),
			 CONSOLE_MAY_LOOK);
	credentials_release(loaded);
	loaded = assert_loaded(&nobody);
	assert_null(loaded->console);
	credentials_release(loaded);
}

static void
credentials_keep_their_generation(void **state)
{
	unsigned before = atomic_load(&generation.uses);
	struct credentials *c = assert_loaded(&all);

	(void)state;
	assert_ptr_equal(c->generation, &generation);
	assert_int_equal(atomic_load(&generation.uses), before + 1);
	credentials_release(c);
	assert_int_equal(atomic_load(&generation.uses), before);
}

static void
credentials_store_new_without_memory_is_null(void **state)
{
	struct credentials *c = assert_loaded(&all);

	(void)state;
	allocation_fail_after(0);
	assert_null(credentials_store_new(c)); /* which has taken them */
	assert_true(allocation_restore());
}

static void
credentials_live_as_long_as_somebody_uses_them(void **state)
{
	struct credentials *first = assert_loaded(&all);
	struct credentials *second = assert_loaded(&all);
	struct credentials_store *s = credentials_store_new(first);
	struct credentials *used = credentials_store_use(s);

	(void)state;
	assert_ptr_equal(used, first);
	credentials_store_replace(s, second);
	assert_int_equal(auth_file_count(used->auth_file), 1);
	credentials_release(used);
	used = credentials_store_use(s);
	assert_ptr_equal(used, second);
	credentials_store_free(s);
	assert_int_equal(auth_file_count(used->auth_file), 1);
	credentials_release(used);
}

static void
credentials_release_and_free_accept_null(void **state)
{
	(void)state;
	credentials_release(NULL);
	credentials_store_free(NULL);
}

struct race {
	struct credentials_store *store;
	atomic_bool is_over;
	atomic_uint logins;
};

/* What a login does with them. */
static void *
log_in(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->is_over)) {
		struct credentials *c = credentials_store_use(r->store);
		struct tls *t = tls_new(c->clients, NULL);
		const struct scram_verifier *v =
		    auth_file_find(c->auth_file, bytes("joe", 3));

		if (t != NULL && v != NULL && c->binding.len == 32)
			atomic_fetch_add(&r->logins, 1);
		credentials_release(c);
		tls_free(t);
	}
	return NULL;
}

static void
credentials_store_replace_while_others_log_in(void **state)
{
	struct race r = {.store = credentials_store_new(assert_loaded(&all))};
	pthread_t threads[USERS];
	size_t i;

	(void)state;
	for (i = 0; i < USERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_in, &r),
				 0);
	for (i = 0; i < REPLACEMENTS; i++)
		credentials_store_replace(r.store, assert_loaded(&all));
	atomic_store(&r.is_over, true);
	for (i = 0; i < USERS; i++)
		pthread_join(threads[i], NULL);
	assert_true(atomic_load(&r.logins) > 0);
	credentials_store_free(r.store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(credentials_load_reads_all_that_is_set),
	    cmocka_unit_test(
		credentials_for_generation_outlive_those_that_read_them),
	    cmocka_unit_test(credentials_load_reads_nothing_that_is_not_used),
	    cmocka_unit_test(
		credentials_load_makes_up_the_same_for_one_private_key),
	    cmocka_unit_test(credentials_load_has_a_line_for_every_mistake),
	    cmocka_unit_test(credentials_load_without_memory_is_null),
	    cmocka_unit_test(credentials_load_looks_up_who_may_use_the_console),
	    cmocka_unit_test(credentials_keep_their_generation),
	    cmocka_unit_test(credentials_store_new_without_memory_is_null),
	    cmocka_unit_test(credentials_live_as_long_as_somebody_uses_them),
	    cmocka_unit_test(credentials_release_and_free_accept_null),
	    cmocka_unit_test(credentials_store_replace_while_others_log_in),
	};

	return cmocka_run_group_tests_name("proxy/auth/credentials", tests,
					   setup, certificates_leave_folder);
}
