#include "proxy/fleet/fleet.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/fleet/fleet_message.h"
#include "proxy/fleet/fleet_outbox.h"
#include "proxy/fleet/fleet_peers.h"
#include "proxy/fleet/fleet_windows.h"
#include "proxy/net/resolver.h"
#include "proxy/rescue/rescue.h"
#include "proxy/tls/digest.h"

enum {
	LOOK_MS = 15000,           /* is somebody logged in? */
	LINGER_MS = 5 * 60 * 1000, /* connected behind the last session */
	LOG_MS = 10 * 60 * 1000,   /* from one line to the next of its kind */
	STOP_S = 5,
};

struct fleet {
	struct daemon *daemon;
	struct event_base *base;
	struct mailbox mailbox;
	pthread_t thread;
	bool is_started;
	uint8_t process[FLEET_PROCESS_BYTES];
	uint64_t sequence; /* the last message has this one */
	struct fleet_key *key;
	struct fleet_link link;
	struct fleet_outbox outbox;
	struct fleet_peers peers;
	struct fleet_windows windows;
	struct rescue *rescue;     /* owned; lives in this thread */
	struct event expire_event; /* windows of others */
	struct event look_event;
	uint64_t wanted_ms;      /* somebody was logged in then */
	uint64_t foreign_log_ms; /* the next line may come then */
	uint64_t why_log_ms;     /* the same reason may be told again then */
	char logged_why[ASKER_WHY_BYTES];
	bool is_told_shared; /* the log says that windows are shared */
	char text[FLEET_TEXT_MAX + 1]; /* scratch */
	pthread_mutex_t lock;
	struct fleet_report report; /* guarded by lock */
};

/* The report */

static void
fleet_count(struct fleet *f, uint64_t *counter)
{
	pthread_mutex_lock(&f->lock);
	++*counter;
	pthread_mutex_unlock(&f->lock);
}

void
fleet_get_report(struct fleet *f, struct fleet_report *out)
{
	pthread_mutex_lock(&f->lock);
	*out = f->report;
	pthread_mutex_unlock(&f->lock);
}

static void
fleet_log_report(struct fleet *f)
{
	struct fleet_report r;
	struct log_event e;

	fleet_get_report(f, &r);
	log_begin(&e, LOG_INFO, "fleet");
	log_text(&e, "state", fleet_link_state_name(r.state));
	log_number(&e, "state_ms", clock_now_ms() - r.since_ms);
	log_number(&e, "sent", r.sent);
	log_number(&e, "heard", r.heard);
	log_number(&e, "shut", r.shut);
	log_number(&e, "refused", r.refused);
	log_number(&e, "repeated", r.repeated);
	log_number(&e, "unknown", r.unknown);
	log_number(&e, "foreign", r.foreign);
	if (f->link.why[0] != '\0')
		log_text(&e, "why", f->link.why);
	log_end(&e);
	rescue_describe(f->rescue);
}

/* Log a failure once in a while, unless it is another one or all was well. */
static void
fleet_log_failure(struct fleet *f)
{
	uint64_t now_ms = clock_now_ms();
	struct log_event e;

	if (f->link.failures > 1 && now_ms < f->why_log_ms &&
	    strcmp(f->logged_why, f->link.why) == 0)
		return;
	f->why_log_ms = now_ms + LOG_MS;
	f->is_told_shared = false;
	memcpy(f->logged_why, f->link.why, sizeof(f->logged_why));
	log_begin(&e, LOG_WARNING,
		  "fleet: no connection, windows are this process's own");
	log_text(&e, "why", f->link.why);
	log_end(&e);
}

/* A connection that comes and goes is told once, as is why it goes. */
static void
fleet_log_shared(struct fleet *f)
{
	if (f->is_told_shared)
		return;
	f->is_told_shared = true;
	log_line(LOG_INFO, "fleet: connected, windows are shared");
}

static void
fleet_log_state(struct fleet *f)
{
	switch (f->link.state) {
	case FLEET_LINK_PAUSED:
		fleet_log_failure(f);
		break;
	case FLEET_LINK_READY:
		fleet_log_shared(f);
		break;
	case FLEET_LINK_IDLE:
		f->is_told_shared = false;
		log_line(LOG_INFO, "fleet: disconnected");
		break;
	case FLEET_LINK_CONNECTING:
	case FLEET_LINK_LISTENING:
	case FLEET_LINK_CHECKING:
	case FLEET_LINK_STATES:
		break;
	}
}

static void
fleet_log_foreign(struct fleet *f, uint32_t pid, uint64_t now_ms)
{
	struct log_event e;

	if (now_ms < f->foreign_log_ms)
		return;
	f->foreign_log_ms = now_ms + LOG_MS;
	log_begin(
	    &e, LOG_WARNING,
	    "fleet: notifications that are not of this fleet: a stranger, "
	    "or another fleet_key_file");
	log_number(&e, "server_pid", pid);
	log_end(&e);
}

/* Sending */

static bool
fleet_say(struct fleet *f, struct fleet_message *m)
{
	memcpy(m->process, f->process, sizeof(m->process));
	m->sequence = ++f->sequence;
	if (!fleet_message_write(f->text, m, f->link.pid, f->key) ||
	    !fleet_link_send(&f->link, f->text))
		return false;
	fleet_count(f, &f->report.sent);
	return true;
}

/* A fleet_link_ears.check. */
static void
fleet_say_hello(void *arg)
{
	struct fleet_message hello = {.kind = FLEET_HELLO};

	(void)fleet_say(arg, &hello);
}

/* A fleet_link_ears.may_send. */
static void
fleet_say_next(void *arg)
{
	struct fleet *f = arg;
	struct fleet_message m;

	if (f->link.state == FLEET_LINK_READY && !f->link.asker.is_asking &&
	    fleet_outbox_next(&f->outbox, &m, clock_now_ms()))
		(void)fleet_say(f, &m);
}

/* Hearing */

static void
fleet_set_expiry(struct fleet *f)
{
	uint64_t next_ms = fleet_windows_next_ms(&f->windows);
	struct timeval t;

	event_del(&f->expire_event);
	if (next_ms == UINT64_MAX)
		return;
	t = clock_timeval_until(next_ms, clock_now_ms());
	event_add(&f->expire_event, &t);
}

static void
fleet_expire(evutil_socket_t fd, short what, void *arg)
{
	struct fleet *f = arg;

	(void)fd;
	(void)what;
	fleet_windows_expire(&f->windows, clock_now_ms());
	fleet_set_expiry(f);
}

static void
fleet_take(struct fleet *f, struct fleet_message *m, uint32_t pid,
	   uint64_t now_ms)
{
	struct fleet_pace *pace = fleet_peers_hear(&f->peers, m, pid);

	if (pace == NULL) {
		fleet_count(f, &f->report.repeated);
		return;
	}
	fleet_count(f, &f->report.heard);
	if (fleet_windows_take(&f->windows, m, pace, now_ms))
		fleet_count(f, &f->report.shut);
	else if (m->kind == FLEET_SHUT || m->kind == FLEET_KEEP)
		fleet_count(f, &f->report.refused);
	fleet_set_expiry(f);
}

static void
fleet_hear_stranger(struct fleet *f, uint32_t pid, uint64_t now_ms)
{
	fleet_count(f, &f->report.foreign);
	fleet_peers_note_foreign(&f->peers, pid, now_ms);
	fleet_log_foreign(f, pid, now_ms);
}

/* A notification of another session. */
static void
fleet_hear(struct fleet *f, uint32_t pid, const char *text)
{
	uint64_t now_ms = clock_now_ms();
	struct fleet_message m;

	if (!fleet_peers_may_read(&f->peers, pid, now_ms)) {
		fleet_count(f, &f->report.foreign);
		return;
	}
	switch (fleet_message_read(&m, text, pid, f->key)) {
	case FLEET_FOREIGN:
		fleet_hear_stranger(f, pid, now_ms);
		break;
	case FLEET_UNKNOWN:
		fleet_count(f, &f->report.unknown);
		break;
	case FLEET_READ:
		if (memcmp(m.process, f->process, sizeof(m.process)) != 0)
			fleet_take(f, &m, pid, now_ms);
		fleet_message_clear(&m);
		break;
	}
}

/* A notification of our own session: the one to itself counts. */
static void
fleet_hear_itself(struct fleet *f, const char *text)
{
	struct fleet_message m;

	if (f->link.state != FLEET_LINK_CHECKING ||
	    fleet_message_read(&m, text, f->link.pid, f->key) != FLEET_READ)
		return;
	fleet_message_clear(&m);
	fleet_outbox_repeat(&f->outbox);
	fleet_link_confirm(&f->link);
}

/* A fleet_link_ears.notified. */
static void
fleet_notified(void *arg, uint32_t pid, const char *text)
{
	struct fleet *f = arg;

	if (pid == f->link.pid)
		fleet_hear_itself(f, text);
	else if (f->link.state == FLEET_LINK_READY)
		fleet_hear(f, pid, text);
}

/* A fleet_link_ears.changed. */
static void
fleet_changed(void *arg)
{
	struct fleet *f = arg;

	pthread_mutex_lock(&f->lock);
	f->report.state = f->link.state;
	f->report.since_ms = clock_now_ms();
	pthread_mutex_unlock(&f->lock);
	fleet_log_state(f);
}

static const struct fleet_link_ears ears = {
    .check = fleet_say_hello,
    .notified = fleet_notified,
    .may_send = fleet_say_next,
    .changed = fleet_changed,
};

/* For as long as somebody is logged in */

static void
fleet_look_later(struct fleet *f)
{
	struct timeval t = clock_timeval(LOOK_MS);

	event_add(&f->look_event, &t);
}

static void
fleet_look(evutil_socket_t fd, short what, void *arg)
{
	struct fleet *f = arg;
	uint64_t now_ms = clock_now_ms();

	(void)fd;
	(void)what;
	if (atomic_exchange(&f->daemon->is_fleet_wanted, false) ||
	    atomic_load(&f->daemon->connections) > 0)
		f->wanted_ms = now_ms;
	if (now_ms < f->wanted_ms + LINGER_MS)
		fleet_look_later(f);
	else
		fleet_link_stop(&f->link);
}

static void
fleet_want(struct fleet *f)
{
	f->wanted_ms = clock_now_ms();
	if (f->link.state != FLEET_LINK_IDLE)
		return;
	fleet_look_later(f);
	fleet_link_want(&f->link);
}

/* The thread */

static void
fleet_take_key(struct fleet *f, struct fleet_key *key)
{
	fleet_key_free(f->key);
	f->key = key;
	f->foreign_log_ms = 0;
}

/* A mail_handler. */
static void
fleet_handle_mail(void *arg, const struct mail *mail)
{
	struct fleet *f = arg;

	switch (mail->kind) {
	case MAIL_SHUT:
		fleet_outbox_shut(&f->outbox, mail->data, clock_now_ms());
		fleet_say_next(f);
		break;
	case MAIL_OPEN:
		fleet_outbox_open(&f->outbox, mail->data);
		fleet_say_next(f);
		break;
	case MAIL_WANTED:
		fleet_want(f);
		break;
	case MAIL_KEY:
		fleet_take_key(f, mail->data);
		break;
	case MAIL_CALL:
		rescue_hear(f->rescue, mail->data);
		free(mail->data);
		break;
	case MAIL_RESOLVED:
		resolution_answered(mail->data);
		break;
	case MAIL_DESCRIBE:
		fleet_log_report(f);
		break;
	case MAIL_STOP:
		event_base_loopbreak(f->base);
		break;
	case MAIL_CONNECTION:
	case MAIL_CANCEL:
	case MAIL_CANCELED:
	case MAIL_DEADLOCK:
	case MAIL_DRAIN:
	case MAIL_EXPIRE:
	case MAIL_HANDSHAKE:
	case MAIL_TASK:
	case MAIL_TASK_DONE:
	case MAIL_ROLL:
	case MAIL_ASK:
		break;
	}
}

static void *
fleet_run(void *arg)
{
	struct fleet *f = arg;

	event_base_loop(f->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

/* Free what there is, of a fleet whose mailbox is not open or closed. */
static void
fleet_free(struct fleet *f)
{
	rescue_free(f->rescue);
	if (f->base != NULL)
		event_base_free(f->base);
	fleet_key_free(f->key);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

struct fleet *
fleet_new(struct daemon *d, struct fleet_key *key)
{
	struct fleet *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		fleet_key_free(key);
		return NULL;
	}
	fleet_link_ignore_environment();
	pthread_mutex_init(&f->lock, NULL);
	f->daemon = d;
	f->key = key;
	f->report.since_ms = clock_now_ms();
	f->base = event_base_new();
	if (f->base != NULL)
		f->rescue = rescue_new(d, f->base);
	if (f->rescue == NULL ||
	    !digest_random(f->process, sizeof(f->process)) ||
	    !mailbox_open(&f->mailbox, f->base, fleet_handle_mail, f)) {
		fleet_free(f);
		return NULL;
	}
	f->link.base = f->base;
	f->link.conninfo = d->start_config->fleet;
	f->link.ears = &ears;
	f->link.arg = f;
	f->link.asker.names.resolver = d->resolver;
	f->link.asker.names.mailbox = &f->mailbox;
	fleet_link_init(&f->link);
	fleet_windows_init(&f->windows, d);
	event_assign(&f->expire_event, f->base, -1, 0, fleet_expire, f);
	event_assign(&f->look_event, f->base, -1, 0, fleet_look, f);
	d->fleet = &f->mailbox;
	return f;
}

bool
fleet_start(struct fleet *f)
{
	errno = pthread_create(&f->thread, NULL, fleet_run, f);
	f->is_started = errno == 0;
	return f->is_started;
}

/* True if the thread has ended, as it does unless it hangs in a look-up. */
static bool
fleet_join(struct fleet *f)
{
	struct mail stop = {.kind = MAIL_STOP};
	struct timespec until;

	if (!f->is_started)
		return true;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_S;
	return mailbox_post(&f->mailbox, stop) &&
	       pthread_timedjoin_np(f->thread, NULL, &until) == 0;
}

bool
fleet_stop(struct fleet *f)
{
	if (f == NULL)
		return true;
	if (!fleet_join(f))
		return false;
	f->daemon->fleet = NULL;
	fleet_link_stop(&f->link);
	fleet_windows_clear(&f->windows);
	rescue_free(f->rescue);
	f->rescue = NULL;
	mailbox_close(&f->mailbox);
	fleet_outbox_clear(&f->outbox);
	event_del(&f->expire_event);
	event_del(&f->look_event);
	fleet_free(f);
	return true;
}

static void
fleet_discard_key(void *data)
{
	fleet_key_free(data);
}

void
fleet_replace_key(struct fleet *f, struct fleet_key *key)
{
	struct mail mail = {
	    .kind = MAIL_KEY, .data = key, .discard = fleet_discard_key};

	if (!mailbox_post(&f->mailbox, mail))
		fleet_key_free(key);
}

void
fleet_describe(struct fleet *f)
{
	struct mail mail = {.kind = MAIL_DESCRIBE};

	(void)mailbox_post(&f->mailbox, mail);
}
