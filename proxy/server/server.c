/*
 * server.c - the running proxy.
 *
 * The main thread accepts connections and minds the signals; all else is the
 * workers'.
 *
 *   first signal    stop accepting, or with reuse_port leave that to another
 *                   process; MAIL_DRAIN: sessions between two
 *                   transactions end, the others as they come to that point;
 *                   MAIL_EXPIRE once streams of replication alone are left
 *   drain_timeout   MAIL_EXPIRE: all end but guarded statements that run
 *   second signal   MAIL_STOP: all end
 */
#include "proxy/server/server.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

#include "proxy/base/clock.h"
#include "proxy/base/event_log.h"
#include "proxy/base/log.h"
#include "proxy/base/log_limit.h"
#include "proxy/base/log_sink.h"
#include "proxy/base/log_writer.h"
#include "proxy/console/console_task.h"
#include "proxy/fleet/fleet.h"
#include "proxy/guard/guard_log.h"
#include "proxy/http/http.h"
#include "proxy/net/handshake_pool.h"
#include "proxy/net/resolver.h"
#include "proxy/server/heartbeat.h"
#include "proxy/server/listener.h"
#include "proxy/server/notify.h"
#include "proxy/server/process.h"
#include "proxy/server/reload.h"
#include "proxy/server/secrets.h"
#include "proxy/server/shared.h"
#include "proxy/server/summary.h"
#include "proxy/server/worker.h"

enum {
	POLL_MS = 20, /* while the last sessions end */
};

struct server {
	struct daemon daemon;
	struct worker *workers;
	struct fleet *fleet;         /* NULL: there is none */
	struct fleet_key *fleet_key; /* until the fleet takes it */
	struct event_base *base;
	struct listeners *listeners;
	struct http *http;      /* NULL: it is not served */
	struct mailbox mailbox; /* consoles write to it */
	struct notify notify;
	struct heartbeat heartbeat;
	struct reload reload;
	uint64_t begun_ms;
	struct event signal_event;
	struct event quit_event; /* HTTP asks for it */
	struct event min_drain_event;
	struct event expire_event;
	struct event poll_event;
	struct event left_out_event;
	uint32_t started; /* number of workers that run */
	int signal_fd;    /* < 0: none */
	int stop_signals; /* number that came */
	bool is_stopping;
	bool is_drained; /* MAIL_DRAIN is sent */
	bool ends_streams;
};

/* scripts/gdb.py finds its way from here; nobody else looks. */
static struct server *volatile server_for_debugger __attribute__((used));

static void
server_tell_workers(struct server *s, enum mail_kind kind)
{
	struct mail mail = {.kind = kind};
	uint32_t i;

	for (i = 0; i < s->started; i++)
		(void)daemon_post(&s->daemon, i, mail);
}

static void
server_expired(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	log_line(LOG_WARNING, "drain_timeout is over, %u sessions are closed",
		 atomic_load(&s->daemon.connections));
	server_tell_workers(s, MAIL_EXPIRE);
}

/* Replication, for which a COMMIT may wait, ends last, as in PostgreSQL. */
static void
server_end_streams(struct server *s)
{
	if (s->ends_streams)
		return;
	s->ends_streams = true;
	log_line(LOG_INFO, "only replication is left, which ends now");
	server_tell_workers(s, MAIL_EXPIRE);
}

static void
server_poll(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	uint32_t left = atomic_load(&s->daemon.connections);

	(void)fd;
	(void)what;
	if (left == 0)
		event_base_loopbreak(s->base);
	else if (left == atomic_load(&s->daemon.streams))
		server_end_streams(s);
}

static void
server_begin_drain(struct server *s)
{
	uint32_t timeout_ms = s->reload.current->config->drain_timeout_ms;
	struct timeval timeout = clock_timeval(timeout_ms);
	struct timeval often = clock_timeval(POLL_MS);

	if (s->is_drained)
		return;
	s->is_drained = true;
	log_line(LOG_INFO,
		 "stopping: no new connections, waiting up to %u ms for the"
		 " transactions of %u sessions",
		 timeout_ms, atomic_load(&s->daemon.connections));
	atomic_store(&s->daemon.is_listening, false);
	event_del(&s->min_drain_event);
	listeners_close(s->listeners);
	s->listeners = NULL;
	server_tell_workers(s, MAIL_DRAIN);
	event_add(&s->expire_event, &timeout);
	event_add(&s->poll_event, &often);
}

static void
server_min_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	server_begin_drain(arg);
}

/* Drain, but in min_drain_time; `until_then` is what happens meanwhile. */
static void
server_drain_later(struct server *s, const char *until_then)
{
	uint32_t least_ms = s->reload.current->config->min_drain_time_ms;
	struct timeval least = clock_timeval(least_ms);

	if (least_ms == 0) {
		server_begin_drain(s);
		return;
	}
	log_line(LOG_INFO, "stopping: %s for %u ms more", until_then, least_ms);
	event_add(&s->min_drain_event, &least);
}

/* A listeners_left. */
static void
server_left(void *arg)
{
	struct server *s = arg;

	s->listeners = NULL;
	atomic_store(&s->daemon.is_listening, false);
	server_drain_later(s, "clients are another process's, and sessions go "
			      "on");
}

/* Once: clients are let in until those who send them see that, for a while; or
 * with reuse_port by another process, and then who has just come has a while.
 */
static void
server_begin_stop(struct server *s)
{
	if (s->is_stopping)
		return;
	s->is_stopping = true;
	atomic_store(&s->daemon.is_draining, true);
	notify_tell(&s->notify, "STOPPING=1\nSTATUS=Draining");
	if (!s->daemon.start_config->reuse_port) {
		server_drain_later(s, "clients are let in");
		return;
	}
	http_leave(s->http);
	listeners_leave(s->listeners, s->base, server_left, s);
}

static void
server_stop_now(struct server *s)
{
	server_begin_drain(s);
	log_line(LOG_INFO, "stopping at once");
	server_tell_workers(s, MAIL_STOP);
}

static void
server_stop_signaled(struct server *s)
{
	if (++s->stop_signals == 1)
		server_begin_stop(s);
	else
		server_stop_now(s);
}

/* Reload, and tell what came of it in *out, whose mistakes are the caller's. */
static bool
server_reload(struct server *s, struct console_reload *out)
{
	bool is_good;

	notify_reloading(&s->notify);
	is_good = reload_all(&s->reload, out);
	notify_tell(&s->notify, "READY=1");
	return is_good;
}

static void
server_reload_signaled(struct server *s)
{
	struct console_reload out = {0};

	(void)server_reload(s, &out);
	free(out.mistakes);
}

/* An http_quit_fn: not in the main thread. */
static void
server_quit_asked(void *arg)
{
	event_active(&((struct server *)arg)->quit_event, EV_READ, 0);
}

static void
server_quit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	server_begin_stop(arg); /* a first signal behind it changes nothing */
}

/* A mail_handler: a console wants something.  It is told before its session is
 * asked to end. */
static void
server_handle_mail(void *arg, const struct mail *mail)
{
	struct server *s = arg;
	struct console_task *t = mail->data;
	enum console_task_kind kind = t->kind;
	bool is_good = true;

	if (kind == TASK_RELOAD)
		is_good = server_reload(s, &t->reload);
	else if (kind == TASK_SET)
		is_good =
		    reload_set(&s->reload, t->setting, t->value, &t->reload);
	console_task_return(&s->daemon, t, is_good ? TASK_DONE : TASK_FAILED);
	if (kind == TASK_DRAIN || kind == TASK_STOP)
		server_begin_stop(s);
	if (kind == TASK_STOP)
		server_stop_now(s);
}

/* Take what consoles want; a reload may let somebody use them. */
static bool
server_open_mailbox(struct server *s)
{
	if (mailbox_open(&s->mailbox, s->base, server_handle_mail, s))
		s->daemon.main = &s->mailbox;
	return s->daemon.main != NULL;
}

static void
server_describe(struct server *s)
{
	server_tell_workers(s, MAIL_DESCRIBE);
	guard_log_passed(&s->daemon);
	if (s->fleet != NULL)
		fleet_describe(s->fleet);
}

static void
server_signaled(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct signalfd_siginfo info;

	(void)what;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	log_line(LOG_INFO, "received %s", strsignal((int)info.ssi_signo));
	if (info.ssi_signo == SIGHUP)
		server_reload_signaled(s);
	else if (info.ssi_signo == SIGUSR1)
		server_describe(s);
	else
		server_stop_signaled(s);
}

/* Tell of lines that were left out of the log, now and then. */
static void
server_tell_left_out(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	log_left_out();
}

/* Block the signals, read them from a descriptor: no thread runs a handler. */
static bool
server_watch_signals(struct server *s)
{
	sigset_t watched;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&watched);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGHUP);
	sigaddset(&watched, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &watched, NULL);
	s->signal_fd = signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signal_fd < 0) {
		log_line(LOG_ERROR, "cannot watch signals: %s",
			 strerror(errno));
		return false;
	}
	event_assign(&s->signal_event, s->base, s->signal_fd,
		     EV_READ | EV_PERSIST, server_signaled, s);
	event_add(&s->signal_event, NULL);
	return true;
}

/* Start as many threads as there are workers: who has more to do gets the
 * processor. */
static bool
server_start_handshakes(struct daemon *d)
{
	d->handshakes = handshake_pool_new(d->worker_count);
	return d->handshakes != NULL && (!config_has_tls(d->start_config) ||
					 handshake_pool_start(d->handshakes));
}

/* Make the fleet, if one is set; it takes the key.  True also without one. */
static bool
server_make_fleet(struct server *s)
{
	struct fleet_key *key = s->fleet_key;

	s->fleet_key = NULL;
	if (key != NULL)
		s->fleet = fleet_new(&s->daemon, key);
	s->daemon.fleet_thread = s->fleet;
	s->reload.fleet = s->fleet;
	return key == NULL || s->fleet != NULL;
}

/* Allocate what the workers share.  False: out of memory, and server_stop frees
 * the rest. */
static bool
server_make_daemon(struct server *s)
{
	struct daemon *d = &s->daemon;
	uint32_t i;

	s->workers = calloc(d->worker_count, sizeof(*s->workers));
	if (s->workers == NULL || !shared_make(d))
		return false;
	for (i = 0; i < d->worker_count; i++)
		d->mailboxes[i] = &s->workers[i].mailbox;
	return server_make_fleet(s) && server_open_mailbox(s);
}

static bool
server_start_workers(struct server *s)
{
	struct daemon *d = &s->daemon;
	bool started;

	if (!server_make_daemon(s)) {
		log_line(LOG_ERROR, "out of memory");
		return false;
	}
	started = server_start_handshakes(d);
	while (started && s->started < d->worker_count) {
		started = worker_start(&s->workers[s->started], d, s->started);
		s->started += started;
	}
	if (started && s->fleet != NULL)
		started = fleet_start(s->fleet);
	if (!started)
		log_line(LOG_ERROR, "cannot start a worker: %s",
			 strerror(errno));
	return started;
}

/* Serve HTTP, if that is set.  False: it cannot be. */
static bool
server_start_http(struct server *s)
{
	if (s->daemon.start_config->http_listen.count == 0)
		return true;
	s->http = http_start(&s->daemon, s->fleet, server_quit_asked, s);
	return s->http != NULL;
}

/* Stop the fleet, or leave the process, with this status: what its thread uses
 * while it hangs in the look-up of a name cannot be freed. */
static void
server_stop_fleet(struct server *s, int status)
{
	if (fleet_stop(s->fleet))
		return;
	log_line(LOG_WARNING, "fleet: the look-up of a name does not end, and "
			      "is left");
	log_writer_end();
	_exit(status);
}

/* Free what the settings in force hold; accepts what was not taken. */
static void
server_leave_settings(struct server *s)
{
	reload_end(&s->reload);
	fleet_key_free(s->fleet_key);
}

static void
server_stop(struct server *s, int status)
{
	uint32_t i;

	heartbeat_stop(&s->heartbeat);
	http_stop(s->http);
	listeners_close(s->listeners);
	server_tell_workers(s, MAIL_STOP);
	for (i = 0; i < s->started; i++)
		worker_join(&s->workers[i]);
	/*
	 * Now nobody has work for these, and their mails find their mailboxes.
	 */
	server_stop_fleet(s, status);
	handshake_pool_stop(s->daemon.handshakes);
	resolver_leave(s->daemon.resolver);
	for (i = 0; i < s->started; i++)
		worker_clear(&s->workers[i]);
	assert(atomic_load(&s->daemon.exchanges) == 0);
	if (s->daemon.main != NULL)
		mailbox_close(&s->mailbox);
	server_leave_settings(s);
	free(s->workers);
	shared_free(&s->daemon);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	notify_close(&s->notify);
	event_base_free(s->base);
	libevent_global_shutdown();
}

/* Put the first generation in force, and what its files hold.  False: why is
 * logged, and server_leave_settings frees the rest. */
static bool
server_take_settings(struct server *s, struct generation *first)
{
	const struct config *c = first->config;

	if (!reload_begin(&s->reload, first))
		return false;
	if (c->fleet != NULL)
		s->fleet_key = secrets_load_fleet_key(c, secrets_log, NULL);
	return c->fleet == NULL || s->fleet_key != NULL;
}

/* Serve until all has ended that was under way. */
static void
server_run_loop(struct server *s)
{
	struct timeval often = clock_timeval(LOG_LIMIT_MS);

	atomic_store(&s->daemon.has_listened, true);
	atomic_store(&s->daemon.is_listening, true);
	notify_open(&s->notify);
	summary_log_start(s->daemon.start_config);
	notify_tell(&s->notify, "READY=1\nSTATUS=Serving");
	heartbeat_start(&s->heartbeat, s->base, &s->notify, &s->daemon,
			s->workers);
	event_add(&s->left_out_event, &often);
	event_base_dispatch(s->base);
	log_left_out();
	guard_log_passed(&s->daemon);
	summary_log(&s->daemon, clock_now_ms() - s->begun_ms);
}

static int
server_serve(struct generation *first, const struct config_sources *sources)
{
	const struct config *config = first->config;
	struct server s = {
	    .daemon = {.start_config = config, .worker_count = config->workers},
	    .reload = {.daemon = &s.daemon, .sources = sources},
	    .notify.fd = -1,
	    .signal_fd = -1,
	    .begun_ms = clock_now_ms(),
	};
	int status = EXIT_FAILURE;

	if (!server_take_settings(&s, first)) {
		server_leave_settings(&s);
		return EXIT_FAILURE;
	}
	event_log_begin();
	evthread_use_pthreads();
	process_raise_descriptor_limit(config);
	s.base = event_base_new();
	if (s.base == NULL) {
		log_line(LOG_ERROR, "cannot make an event loop");
		server_leave_settings(&s);
		return EXIT_FAILURE;
	}
	server_for_debugger = &s;
	event_assign(&s.expire_event, s.base, -1, 0, server_expired, &s);
	event_assign(&s.quit_event, s.base, -1, 0, server_quit, &s);
	event_assign(&s.min_drain_event, s.base, -1, 0, server_min_over, &s);
	event_assign(&s.poll_event, s.base, -1, EV_PERSIST, server_poll, &s);
	event_assign(&s.left_out_event, s.base, -1, EV_PERSIST,
		     server_tell_left_out, NULL);
	if (server_watch_signals(&s) && server_start_workers(&s) &&
	    server_start_http(&s))
		s.listeners = listeners_open(s.base, &s.daemon, s.workers);
	if (s.listeners != NULL) {
		server_run_loop(&s);
		status = EXIT_SUCCESS;
	}
	server_stop(&s, status);
	server_for_debugger = NULL;
	return status;
}

/* Have the log written as the settings say.  False: it cannot be. */
static bool
server_begin_log(const struct config *config)
{
	log_limit_init(config->log_repeats);
	if (!log_sink_open(config->log_file)) {
		log_line(LOG_ERROR,
			 "cannot open \"%s\": %s (setting "
			 "\"log_file\")",
			 config->log_file, strerror(errno));
		return false;
	}
	if (log_writer_begin(log_lost))
		return true;
	log_line(LOG_ERROR, "cannot start a thread for the log: %s",
		 strerror(errno));
	return false;
}

int
server_run(struct config *config, const struct config_sources *sources)
{
	struct generation *first = generation_new(config, 1);
	int status = EXIT_FAILURE;

	if (first == NULL) {
		log_line(LOG_ERROR, "out of memory");
		return EXIT_FAILURE;
	}
	process_share_memory();
	process_hide_memory(config);
	if (server_begin_log(config)) {
		status = server_serve(first, sources);
		log_writer_end();
	}
	generation_release(first);
	return status;
}
