#include "proxy/net/dial.h"

#include "proxy/net/second_round.h"
#include "tests/support/allocation.h"
#include "tests/support/dial.h"

static void
dial_to_the_end(struct fixture *f, const struct endpoint *endpoints,
		size_t count)
{
	dial(f, endpoints, count, LONG_MS);
	loop_until(f->base, has_result, f);
	loop_for(f->base, 5);
	assert_int_equal(f->calls, 1);
}

static void
assert_connected(struct fixture *f)
{
	char byte;
	int fd = accept(f->listener, NULL, NULL);

	assert_true(fd >= 0);
	assert_true(f->result.fd >= 0);
	assert_true(fcntl(f->result.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(f->result.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(f->result.fd, "x", 1), 1);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
}

static void
assert_failed(const struct fixture *f, const char *tried)
{
	assert_int_equal(f->result.fd, -1);
	assert_string_equal(f->tried, tried);
}

/* Endpoints */

static void
dial_connects_to_an_address(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};
	const struct sockaddr_in *peer =
	    (const struct sockaddr_in *)&f->result.peer.address;

	dial_to_the_end(f, &e, 1);
	assert_connected(f);
	assert_string_equal(f->tried, "");
	assert_int_equal(f->result.peer.len, sizeof(*peer));
	assert_int_equal(ntohs(peer->sin_port), f->port);
	assert_int_equal(names_asked(), 0);
}

static void
dial_tells_who_refused(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->refused_port, NULL};
	char expected[128];

	dial_to_the_end(f, &e, 1);
	snprintf(expected, sizeof(expected),
		 "127.0.0.1 port %u: Connection refused", f->refused_port);
	assert_failed(f, expected);
}

static void
dial_tries_the_endpoints_in_order(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->refused_port, NULL},
	    {"/nonexistent", 1, NULL},
	    {"127.0.0.1", f->port, NULL},
	    {"127.0.0.1", f->refused_port, NULL},
	};

	dial_to_the_end(f, e, 4);
	assert_connected(f);
	assert_non_null(strstr(f->tried, "Connection refused; /nonexistent"));
}

static void
dial_tells_of_every_failure(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"/nonexistent", 5432, NULL},
	    {"127.0.0.1", f->refused_port, NULL},
	};
	char expected[256];

	dial_to_the_end(f, e, 2);
	snprintf(expected, sizeof(expected),
		 "/nonexistent/.s.PGSQL.5432: No such file or directory; "
		 "127.0.0.1 port %u: Connection refused",
		 f->refused_port);
	assert_failed(f, expected);
}

static void
dial_cuts_a_long_tale_of_failures(void **state)
{
	struct fixture *f = *state;
	struct endpoint e[60];
	size_t i;

	for (i = 0; i < 60; i++)
		e[i] = (struct endpoint){"127.0.0.1", f->refused_port, NULL};
	dial_to_the_end(f, e, 60);
	assert_int_equal(f->result.fd, -1);
	assert_int_equal(strlen(f->tried), DIAL_TRIED_MAX - 1);
}

static void
dial_without_endpoints_fails(void **state)
{
	struct fixture *f = *state;

	dial_to_the_end(f, NULL, 0);
	assert_failed(f, "");
}

/* Unix sockets */

static void
dial_connects_to_a_socket_directory(void **state)
{
	struct fixture *f = *state;
	char folder[] = "/tmp/dial_test_XXXXXX";
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	const struct endpoint e = {folder, 5432, NULL};

	assert_non_null(mkdtemp(folder));
	snprintf(u.sun_path, sizeof(u.sun_path), "%s/.s.PGSQL.5432", folder);
	listen_unix(f, &u, sizeof(u));
	dial_to_the_end(f, &e, 1);
	unlink(u.sun_path);
	rmdir(folder);
	assert_connected(f);
}

static void
dial_connects_to_an_abstract_socket(void **state)
{
	struct fixture *f = *state;
	char name[64];
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	const struct endpoint e = {name, 5432, NULL};
	int n;

	snprintf(name, sizeof(name), "@dial_test_%d", (int)getpid());
	n = snprintf(u.sun_path, sizeof(u.sun_path), "%s/.s.PGSQL.5432", name);
	u.sun_path[0] = '\0';
	listen_unix(
	    f, &u,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
	dial_to_the_end(f, &e, 1);
	assert_connected(f);
}

static void
dial_refuses_a_socket_path_that_is_too_long(void **state)
{
	struct fixture *f = *state;
	char host[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	const struct endpoint e[] = {{host, 5432, NULL},
				     {"127.0.0.1", f->port, NULL}};

	memset(host, 'x', sizeof(host));
	host[0] = '/';
	host[sizeof(host) - 1] = '\0';
	dial_to_the_end(f, e, 2);
	assert_connected(f);
	assert_non_null(strstr(f->tried, "socket path too long"));
}

/* Names */

static void
dial_resolves_a_name(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"host.invalid", f->port, NULL};

	names_be(NAMES_KNOWN);
	dial_to_the_end(f, &e, 1);
	assert_connected(f);
	assert_true(names_asked() > 0);
}

static void
dial_passes_over_a_name_that_is_unknown(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"host.invalid", 5432, NULL},
	    {"127.0.0.1", f->port, NULL},
	};

	names_be(NAMES_UNKNOWN);
	dial_to_the_end(f, e, 2);
	assert_connected(f);
	assert_int_equal(strncmp(f->tried, "host.invalid port 5432: ", 24), 0);
}

static void
dial_fails_when_no_name_is_known(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"host.invalid", 5432, NULL},
	    {"other.invalid", 5433, NULL},
	};

	names_be(NAMES_UNKNOWN);
	dial_to_the_end(f, e, 2);
	assert_int_equal(f->result.fd, -1);
	assert_non_null(strstr(f->tried, "; other.invalid port 5433: "));
}

static void
dial_gives_a_silent_name_server_up(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"host.invalid", 5432, NULL};

	dial(f, &e, 1, SHORT_MS);
	loop_until(f->base, has_result, f);
	assert_failed(f, "host.invalid port 5432: name resolution timed out");
	loop_for(f->base, 5);
	assert_int_equal(f->calls, 1);
}

/* An answer that comes too late belongs to nothing any more. */
static void
dial_goes_on_behind_a_silent_name_server(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"host.invalid", f->port, NULL},
	    {"other.invalid", f->port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};

	dial(f, e, 3, SHORT_MS);
	loop_until(f->base, has_result, f);
	assert_connected(f);
	names_be(NAMES_KNOWN);
	loop_for(f->base, 20);
	assert_int_equal(f->calls, 1);
}

/* Going on */

/* The server that was connected is of no use. */
static void
leave(struct fixture *f)
{
	close(f->result.fd);
	f->result.fd = -1;
	close(accept(f->listener, NULL, NULL));
}

static bool
has_second_result(void *arg)
{
	const struct fixture *f = arg;

	return f->calls == 2;
}

static void
dial_goes_on_behind_a_server_that_is_left(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->port, NULL},
	    {"127.0.0.1", f->refused_port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};
	char expected[128];

	f->keeps = true;
	dial_to_the_end(f, e, 3);
	assert_true(f->has_more);
	leave(f);
	dial_go_on(f->dial, "no luck");
	assert_int_equal(f->calls, 1); /* never within that call */
	f->keeps = false;
	loop_until(f->base, has_second_result, f);
	assert_connected(f);
	assert_false(f->has_more);
	snprintf(expected, sizeof(expected), "127.0.0.1 port %u: no luck; ",
		 f->port);
	assert_memory_equal(f->tried, expected, strlen(expected));
}

static void
dial_that_goes_on_fails_when_nothing_is_left(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};

	f->keeps = true;
	dial_to_the_end(f, &e, 1);
	assert_false(f->has_more);
	leave(f);
	dial_go_on(f->dial, "no luck");
	f->keeps = false;
	loop_until(f->base, has_second_result, f);
	assert_int_equal(f->result.fd, -1);
	assert_false(dial_has_more(NULL));
}

/* The addresses of a name are looked up once, whatever becomes of them. */
static void
dial_goes_on_behind_a_name(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"host.invalid", f->port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};

	names_be(NAMES_KNOWN);
	f->keeps = true;
	dial_to_the_end(f, e, 2);
	leave(f);
	dial_go_on(f->dial, "no luck");
	f->keeps = false;
	loop_until(f->base, has_second_result, f);
	assert_connected(f);
	assert_int_equal(names_asked(), 1);
}

static void
dial_cancel_after_it_was_told_to_go_on(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};

	f->keeps = true;
	dial_to_the_end(f, e, 2);
	leave(f);
	dial_go_on(f->dial, "no luck");
	dial_cancel(f->dial);
	loop_for(f->base, 20);
	assert_int_equal(f->calls, 1);
}

/* Those that did not do */

static struct misfits misfits;

static struct address
address_at(uint16_t port)
{
	struct address a = {.len = sizeof(struct sockaddr_in)};
	struct sockaddr_in *in = (struct sockaddr_in *)&a.address;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in->sin_port = htons(port);
	return a;
}

/* A target where one of the hosts is looked for, and nothing is known. */
static struct dial_target
target_of_one(const struct endpoint *endpoints, size_t count)
{
	memset(&misfits, 0, sizeof(misfits));
	return (struct dial_target){
	    .endpoints = endpoints,
	    .count = count,
	    .timeout_ms = LONG_MS,
	    .misfits =
		misfits_view_of(&misfits, SESSION_ATTRS_PRIMARY, "u", "d"),
	    .is_one = true,
	};
}

static void
dial_tries_misfits_behind_all_others(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->port, NULL},
	    {"127.0.0.1", f->refused_port, NULL},
	};
	struct dial_target target = target_of_one(e, 2);
	struct address first = address_at(f->port);
	char expected[128];

	misfits_add(&target.misfits, MISFIT_IS_OTHER, &first);
	dial_target(f, &target);
	loop_until(f->base, has_result, f);
	assert_connected(f);
	assert_false(f->has_more);
	snprintf(expected, sizeof(expected),
		 "127.0.0.1 port %u: Connection refused", f->refused_port);
	assert_string_equal(f->tried, expected);
}

static void
dial_notes_who_does_not_answer_where_one_is_looked_for(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->refused_port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};
	struct dial_target target = target_of_one(e, 2);
	struct address first = address_at(f->refused_port);
	struct address second = address_at(f->port);

	dial_target(f, &target);
	loop_until(f->base, has_result, f);
	assert_connected(f);
	assert_int_not_equal(misfits_rank(&target.misfits, &first), 0);
	assert_int_equal(misfits_rank(&target.misfits, &second), 0);
}

static void
dial_keeps_the_order_where_any_will_do(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->refused_port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};
	struct dial_target target = target_of_one(e, 2);
	struct address first = address_at(f->refused_port);

	target.is_one = false;
	dial_target(f, &target);
	loop_until(f->base, has_result, f);
	assert_connected(f);
	assert_int_equal(misfits_rank(&target.misfits, &first), 0);
}

/* It comes back once, and is then the last there is. */
static void
dial_put_behind_comes_back_once(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->port, NULL},
	    {"127.0.0.1", f->refused_port, NULL},
	};

	f->keeps = true;
	dial_to_the_end(f, e, 2);
	leave(f);
	assert_true(dial_put_behind(f->dial));
	dial_go_on(f->dial, "no luck");
	loop_until(f->base, has_second_result, f);
	assert_connected(f);
	assert_false(f->has_more);
	assert_false(dial_put_behind(f->dial));
	assert_non_null(strstr(f->tried, "no luck"));
	dial_cancel(f->dial);
}

/* The one that was left longest is the first of the second round; but who lets
 * nobody in costs no client anything. */
static void
dial_tries_the_oldest_misfit_first(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->port, NULL},
	    {"127.0.0.1", f->refused_port, NULL},
	};
	struct dial_target target = target_of_one(e, 2);
	struct address first = address_at(f->port);
	struct address second = address_at(f->refused_port);

	misfits_add(&target.misfits, MISFIT_IS_OTHER, &second);
	misfits_add(&target.misfits, MISFIT_IS_OTHER, &first);
	dial_target(f, &target);
	loop_until(f->base, has_result, f);
	assert_connected(f);
	assert_non_null(strstr(f->tried, "Connection refused"));
	assert_false(f->has_more);
}

static void
dial_tries_who_is_silent_before_other_misfits(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->refused_port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};
	struct dial_target target = target_of_one(e, 2);
	struct address other = address_at(f->refused_port);
	struct address silent = address_at(f->port);

	misfits_add(&target.misfits, MISFIT_IS_OTHER, &other);
	misfits_add(&target.misfits, MISFIT_IS_SILENT, &silent);
	dial_target(f, &target);
	loop_until(f->base, has_result, f);
	assert_connected(f);
	assert_string_equal(f->tried, "");
	assert_true(f->has_more);
}

/* Also one that was known to be a misfit before it was tried. */
static void
dial_put_behind_comes_back_in_the_second_round(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->port, NULL},
	    {"127.0.0.1", f->refused_port, NULL},
	};
	struct dial_target target = target_of_one(e, 2);
	struct address first = address_at(f->port);
	struct address second = address_at(f->refused_port);

	f->keeps = true;
	misfits_add(&target.misfits, MISFIT_IS_OTHER, &first);
	misfits_add(&target.misfits, MISFIT_IS_OTHER, &second);
	dial_target(f, &target);
	loop_until(f->base, has_result, f);
	leave(f);
	assert_true(dial_put_behind(f->dial));
	dial_go_on(f->dial, "no luck");
	loop_until(f->base, has_second_result, f);
	assert_connected(f);
	assert_false(f->has_more);
	assert_false(dial_put_behind(f->dial));
	assert_non_null(strstr(f->tried, "no luck"));
	assert_non_null(strstr(f->tried, "Connection refused"));
	dial_cancel(f->dial);
}

/* What has no place any more is tried in its turn. */
static void
dial_puts_so_many_behind_only(void **state)
{
	struct fixture *f = *state;
	struct endpoint e[SECOND_ROUND_MAX + 1];
	struct address same = address_at(f->port);
	struct dial_target target;
	size_t i;

	for (i = 0; i <= SECOND_ROUND_MAX; i++)
		e[i] = (struct endpoint){"127.0.0.1", f->port, NULL};
	target = target_of_one(e, SECOND_ROUND_MAX + 1);
	misfits_add(&target.misfits, MISFIT_IS_OTHER, &same);
	dial_target(f, &target);
	loop_until(f->base, has_result, f);
	assert_connected(f);
	assert_true(f->has_more);
}

/* By chance */

enum {
	MANY_DIALS = 100, /* one order in all of them: once in 2^99 runs */
};

static void
dial_many_times(struct fixture *f, const struct dial_target *target,
		unsigned int *without_failure)
{
	unsigned int i;

	*without_failure = 0;
	for (i = 0; i < MANY_DIALS; i++) {
		f->calls = 0;
		dial_target(f, target);
		loop_until(f->base, has_result, f);
		assert_connected(f);
		close(f->result.fd);
		f->result.fd = -1;
		*without_failure += f->tried[0] == '\0';
	}
}

static void
dial_tries_endpoints_by_chance(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->refused_port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};
	const struct dial_target target = {
	    .endpoints = e,
	    .count = 2,
	    .timeout_ms = LONG_MS,
	    .is_random = true,
	};
	unsigned int count;

	dial_many_times(f, &target, &count);
	assert_in_range(count, 1, MANY_DIALS - 1);
}

static void
dial_tries_the_addresses_of_a_name_by_chance(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"host.invalid", f->port, NULL};
	struct dial_target target = {
	    .endpoints = &e,
	    .count = 1,
	    .timeout_ms = LONG_MS,
	    .is_random = true,
	};
	unsigned int count;

	names_be(NAMES_TWO);
	dial_many_times(f, &target, &count);
	assert_in_range(count, 1, MANY_DIALS - 1);
	target.is_random = false;
	dial_many_times(f, &target, &count);
	assert_int_equal(count, MANY_DIALS);
}

static void
dial_by_chance_tries_each_of_them(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"/nonexistent", 1, NULL},
	    {"/nonexistent", 2, NULL},
	    {"/nonexistent", 3, NULL},
	};
	const struct dial_target target = {
	    .endpoints = e,
	    .count = 3,
	    .timeout_ms = LONG_MS,
	    .is_random = true,
	};

	dial_target(f, &target);
	loop_until(f->base, has_result, f);
	assert_int_equal(f->result.fd, -1);
	assert_non_null(strstr(f->tried, "PGSQL.1:"));
	assert_non_null(strstr(f->tried, "PGSQL.2:"));
	assert_non_null(strstr(f->tried, "PGSQL.3:"));
}

/* A known address, and time */

static void
dial_start_address_connects(void **state)
{
	struct fixture *f = *state;
	struct address a = {.len = sizeof(struct sockaddr_in)};

	assert_int_equal(
	    getsockname(f->listener, (struct sockaddr *)&a.address, &a.len), 0);
	dial_address(f, &a);
	assert_non_null(f->dial);
	assert_int_equal(f->calls, 0);
	loop_until(f->base, has_result, f);
	assert_connected(f);
	assert_memory_equal(&f->result.peer.address, &a.address, a.len);
}

static void
dial_start_address_tells_who_refused(void **state)
{
	struct fixture *f = *state;
	struct address a = {.len = sizeof(struct sockaddr_in)};

	assert_int_equal(
	    getsockname(f->listener, (struct sockaddr *)&a.address, &a.len), 0);
	((struct sockaddr_in *)&a.address)->sin_port = htons(f->refused_port);
	dial_address(f, &a);
	loop_until(f->base, has_result, f);
	assert_failed(f, "upstream: Connection refused");
}

/* A queue of connections that is full lets the next ones wait. */
static void
dial_gives_a_silent_server_up(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int waiting[8];
	size_t i;

	assert_int_equal(listen(f->listener, 0), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&a, &len),
			 0);
	for (i = 0; i < 8; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)&a, len);
	}
	dial(f, &e, 1, SHORT_MS);
	loop_until(f->base, has_result, f);
	assert_int_equal(f->result.fd, -1);
	assert_non_null(strstr(f->tried, "Connection timed out"));
	for (i = 0; i < 8; i++)
		close(waiting[i]);
}

/* Cancelling */

static void
dial_cancel_accepts_null(void **state)
{
	(void)state;
	dial_cancel(NULL);
}

static void
dial_cancel_before_the_first_step(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};
	size_t fds = count_fds();

	dial(f, &e, 1, LONG_MS);
	dial_cancel(f->dial);
	loop_for(f->base, 20);
	assert_int_equal(f->calls, 0);
	assert_int_equal(count_fds(), fds);
}

/* After every number of turns of the loop, until it is too late. */
static void
dial_cancel_after_any_turn(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->refused_port, NULL},
	    {"host.invalid", f->refused_port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};
	size_t fds;
	int turns;
	int i;

	names_be(NAMES_KNOWN);
	fds = count_fds();
	for (turns = 0;; turns++) {
		f->calls = 0;
		dial(f, e, 3, LONG_MS);
		for (i = 0; i < turns && f->dial != NULL; i++)
			event_base_loop(f->base, EVLOOP_ONCE);
		if (f->dial == NULL)
			break;
		dial_cancel(f->dial);
		loop_for(f->base, 5);
		assert_int_equal(f->calls, 0);
		assert_int_equal(count_fds(), fds);
	}
	assert_true(turns > 1);
	assert_true(f->result.fd >= 0);
}

static void
dial_cancel_during_name_resolution(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"host.invalid", f->port, NULL};

	dial(f, &e, 1, LONG_MS);
	loop_until(f->base, was_asked, f);
	dial_cancel(f->dial);
	names_be(NAMES_KNOWN);
	loop_for(f->base, 20);
	assert_int_equal(f->calls, 0);
}

static void
dial_start_without_memory_is_null(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};
	const struct dial_target target = {.endpoints = &e, .count = 1};
	struct address a = {.len = sizeof(struct sockaddr_in)};

	allocation_fail_after(0);
	assert_null(dial_start(&f->shaker.by, f->resolver, &target, dialed, f));
	dial_address(f, &a);
	assert_null(f->dial);
	assert_true(allocation_restore());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(dial_connects_to_an_address),
	    TEST(dial_tells_who_refused),
	    TEST(dial_tries_the_endpoints_in_order),
	    TEST(dial_tells_of_every_failure),
	    TEST(dial_cuts_a_long_tale_of_failures),
	    TEST(dial_without_endpoints_fails),
	    TEST(dial_connects_to_a_socket_directory),
	    TEST(dial_connects_to_an_abstract_socket),
	    TEST(dial_refuses_a_socket_path_that_is_too_long),
	    TEST(dial_resolves_a_name),
	    TEST(dial_passes_over_a_name_that_is_unknown),
	    TEST(dial_fails_when_no_name_is_known),
	    TEST(dial_gives_a_silent_name_server_up),
	    TEST(dial_goes_on_behind_a_silent_name_server),
	    TEST(dial_goes_on_behind_a_server_that_is_left),
	    TEST(dial_that_goes_on_fails_when_nothing_is_left),
	    TEST(dial_goes_on_behind_a_name),
	    TEST(dial_cancel_after_it_was_told_to_go_on),
	    TEST(dial_tries_misfits_behind_all_others),
	    TEST(dial_notes_who_does_not_answer_where_one_is_looked_for),
	    TEST(dial_keeps_the_order_where_any_will_do),
	    TEST(dial_tries_the_oldest_misfit_first),
	    TEST(dial_tries_who_is_silent_before_other_misfits),
	    TEST(dial_put_behind_comes_back_once),
	    TEST(dial_put_behind_comes_back_in_the_second_round),
	    TEST(dial_puts_so_many_behind_only),
	    TEST(dial_tries_endpoints_by_chance),
	    TEST(dial_tries_the_addresses_of_a_name_by_chance),
	    TEST(dial_by_chance_tries_each_of_them),
	    TEST(dial_start_address_connects),
	    TEST(dial_start_address_tells_who_refused),
	    TEST(dial_gives_a_silent_server_up),
	    TEST(dial_cancel_accepts_null),
	    TEST(dial_cancel_before_the_first_step),
	    TEST(dial_cancel_after_any_turn),
	    TEST(dial_cancel_during_name_resolution),
	    TEST(dial_start_without_memory_is_null),
	};

	return cmocka_run_group_tests_name("proxy/net/dial", tests, NULL, NULL);
}
