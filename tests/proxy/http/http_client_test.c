#include "proxy/http/http_client.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/un.h>

#include "tests/support/local.h"

/* A server in a thread that answers one request after the other, each by the
 * next of these texts. */
struct fixture {
	struct endpoint served;
	struct config config;
	int listener;
	const char *answers[3];
	char request[256]; /* the last one */
	pthread_t thread;
	bool is_started;
};

static void *
answer(void *arg)
{
	struct fixture *f = arg;
	struct pollfd p = {.fd = f->listener, .events = POLLIN};

	for (size_t i = 0; i < 3 && f->answers[i] != NULL; i++) {
		ssize_t n;
		int fd;

		(void)poll(&p, 1, -1);
		fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			break;
		n = recv(fd, f->request, sizeof(f->request) - 1, 0);
		f->request[n > 0 ? n : 0] = '\0';
		(void)send(fd, f->answers[i], strlen(f->answers[i]),
			   MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static int
setup(void **state)
{
	static char host[] = "127.0.0.1";
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->served.host = host;
	f->listener = listen_locally(&f->served.port);
	f->config.http_listen = (struct endpoint_list){&f->served, 1};
	f->config.listen = &f->served;
	f->config.listen_count = 1;
	*state = f;
	return 0;
}

static void
start(struct fixture *f)
{
	assert_int_equal(pthread_create(&f->thread, NULL, answer, f), 0);
	f->is_started = true;
}

static void
join(struct fixture *f)
{
	if (f->is_started)
		pthread_join(f->thread, NULL);
	f->is_started = false;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	(void)shutdown(f->listener, SHUT_RDWR); /* if nobody has come */
	join(f);
	close(f->listener);
	free(f);
	return 0;
}

#define OK "HTTP/1.1 200 OK\r\n\r\nok\n"
#define NOT_YET "HTTP/1.1 503 Service Unavailable\r\n\r\nnot listening\n"

static void
wait_asks_until_the_start_is_over(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = NOT_YET;
	f->answers[1] = "HTTP/1."; /* and that is its end */
	f->answers[2] = OK;
	start(f);
	assert_true(http_client_wait(&f->config, LOCAL_BOUND_MS));
	join(f);
	assert_string_equal(f->request,
			    "GET /startup HTTP/1.1\r\nHost: localhost\r\n"
			    "Content-Length: 0\r\nConnection: close\r\n\r\n");
}

static void
wait_has_an_end(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = NOT_YET;
	start(f);
	assert_false(http_client_wait(&f->config, 0));
}

static void
wait_sees_that_nobody_listens(void **state)
{
	struct fixture *f = *state;

	f->served.port = local_free_port();
	assert_false(http_client_wait(&f->config, 0));
	f->config.http_listen.count = 0;
	assert_false(http_client_wait(&f->config, 0));
}

static void
wait_connects_where_there_is_no_http(void **state)
{
	struct fixture *f = *state;

	f->config.http_listen.count = 0;
	assert_true(http_client_wait(&f->config, 0));
}

static void
wait_connects_by_a_socket_s_file(void **state)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	struct fixture *f = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	f->config.http_listen.count = 0;
	f->served.host = u.sun_path;
	snprintf(u.sun_path, sizeof(u.sun_path), "/tmp/lockstep-http-%d",
		 (int)getpid());
	assert_false(http_client_wait(&f->config, 0));
	assert_int_equal(bind(fd, (struct sockaddr *)&u, sizeof(u)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_true(http_client_wait(&f->config, 0));
	unlink(u.sun_path);
	close(fd);
}

static void
wait_does_not_find_a_file_of_too_long_a_name(void **state)
{
	char path[sizeof(struct sockaddr_un)];
	struct fixture *f = *state;

	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	f->config.http_listen.count = 0;
	f->served.host = path;
	assert_false(http_client_wait(&f->config, 0));
}

static void
shutdown_tells_whether_it_was_heard(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = "HTTP/1.1 403 Forbidden\r\n\r\nno\n";
	f->answers[1] = OK;
	start(f);
	assert_false(http_client_shutdown(&f->config));
	assert_true(http_client_shutdown(&f->config));
	join(f);
	assert_int_equal(strncmp(f->request, "POST /quitquitquit ", 19), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(wait_asks_until_the_start_is_over),
	    TEST(wait_has_an_end),
	    TEST(wait_sees_that_nobody_listens),
	    TEST(wait_connects_where_there_is_no_http),
	    TEST(wait_connects_by_a_socket_s_file),
	    TEST(wait_does_not_find_a_file_of_too_long_a_name),
	    TEST(shutdown_tells_whether_it_was_heard),
	};

	return cmocka_run_group_tests_name("proxy/http/http_client", tests,
					   NULL, NULL);
}
