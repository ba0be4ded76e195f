/*
 * session_world.h - the sessions of a worker with their clients and a server,
 * all in one thread and by a virtual clock: whole logins, messages in pieces,
 * cancels, deaths.  A fuzzer's input chooses what happens next.
 *
 * The server is a scripted one for each connection (scripted_server.h) whose
 * words the input chooses as well.  Where `lies` allows, it answers questions
 * of ours by nonsense, or anything by any bytes.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_SESSION_WORLD_H
#define LOCKSTEP_TESTS_SUPPORT_SESSION_WORLD_H

#include <poll.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "protocol/backend.h"
#include "protocol/reader.h"
#include "proxy/base/clock.h"
#include "proxy/gate/pause.h"
#include "tests/support/allocation.h"
#include "tests/support/ledger.h"
#include "tests/support/sessions.h"
#include "tests/support/virtual_clock.h"

enum {
	WORLD_CLIENTS = 3,
	WORLD_SERVERS = 24, /* connections, those of cancels included */
	WORLD_BYTES = 64 * 1024,
	WORLD_PORT = 5432,
	TRAFFIC_LASTS = 12,
	WORLD_SMALL_BYTES = 40, /* a query_limit that texts exceed */
};

enum world_lies {
	LIES_NONE,
	LIES_TO_US, /* rows of our own questions are any */
	LIES_ALL,   /* any byte of any answer is any other */
};

/* Others in the server, whom questions and attempts come upon unless the input
 * says otherwise. */
enum world_traffic {
	TRAFFIC_NONE,
	TRAFFIC_CYCLES, /* who waits for locks that the transaction has */
	TRAFFIC_OLD,    /* transactions that last for a while */
	TRAFFIC_KEYS,   /* likewise, and foreign keys that can go ahead */
};

struct world_client {
	int fd; /* -1: it has left, or never came */
	bool has_come;
	bool has_heard_end;
	uint8_t said[WORLD_BYTES]; /* behind its startup packet */
	size_t said_len;
	size_t delivered; /* bytes of it that have gone to the proxy */
	uint8_t saw[4 * WORLD_BYTES];
	size_t saw_len;
	uint16_t sent[LEDGER_STATEMENTS]; /* so often may each have run */
	/* What it knows of what it has said. */
	int statements;
	bool is_in_cycle;
	bool may_copy;
	bool has_bound;
	bool has_terminated;
};

struct world_server {
	struct world *world;
	int fd; /* -1: none */
	bool has_begun;
	struct world_client *client; /* NULL: it is not known yet */
	struct scripted_server model;
	struct ledger ledger;
	uint8_t in[2 * WORLD_BYTES];
	size_t in_len;
	uint8_t out[2 * WORLD_BYTES]; /* flushed, and not delivered */
	size_t out_len;
	size_t out_before; /* of the model, as a statement begins */
	bool is_on_trial;  /* under a lock_timeout of ours */
	unsigned int met;  /* attempts and looks that have met traffic */
	uint16_t asyncs;   /* notifications and parameters, ever */
};

struct world {
	struct reader input; /* once it is at its end: zeros */
	enum world_lies lies;
	enum world_traffic traffic;
	/* So many allocations succeed in the next turn, then none.  0: all. */
	unsigned int allocations;
	bool has_starved;
	bool may_end; /* a session may have been ended by other than its client
		       */
	uint64_t silent_ms; /* since all was answered that could be */
	/* A use for each run; NULL: such as the configuration makes. */
	struct credentials *credentials;
	struct endpoint upstream;
	char host[32];
	struct config config;
	struct generation generation;
	struct daemon daemon;
	struct event_base *base;
	struct mailbox mailbox;
	struct mailbox *mailboxes[1];
	struct sessions sessions;
	int listener;
	struct world_client clients[WORLD_CLIENTS];
	struct world_server servers[WORLD_SERVERS];
	size_t server_count;
	uint64_t moved; /* bytes, ever */
};

/* For who looks for the cause of a finding: each message is written that the
 * server reads or says, and that a client says or sees. */
static bool world_is_traced;

static inline void
world_tell(const char *who, size_t which, const struct frame *f)
{
	size_t i;

	if (!world_is_traced)
		return;
	fprintf(stderr, "%6ju %s %zu: %c ", (uintmax_t)virtual_clock_ms(), who,
		which, f->type);
	for (i = 0; i < f->body.len && i < 160; i++)
		fputc(isprint(f->body.data[i]) ? f->body.data[i] : '.', stderr);
	fputc('\n', stderr);
}

static inline void
world_tell_all(const char *who, size_t which, struct span in)
{
	struct frame f;

	while (frame_next(&f, &in, FRAME_LENGTH_MAX) == FRAME_OK)
		world_tell(who, which, &f);
}

/* Input */

static inline uint8_t
world_choose(struct world *w)
{
	return w->input.rest.len > 0 ? read_u8(&w->input) : 0;
}

static inline const char *
world_choose_word(struct world *w, const char *const *words, size_t count)
{
	return words[world_choose(w) % count];
}

#define WORLD_WORD(w, words)                                                   \
	world_choose_word(w, words, sizeof(words) / sizeof((words)[0]))

/* What the server answers */

/* How a statement of the client's ends, by the letter behind its number. */
static inline const char *
world_outcome(const char *sql)
{
	const char *comment = strstr(sql, "/*");
	const char *letter =
	    comment != NULL ? comment + 2 + strspn(comment + 2, "0123456789")
			    : "k";

	switch (*letter) {
	case 'e':
		return "error 22012";
	case 'p':
		return "error 55P03";
	case 'd':
		return "error 40P01";
	case 'c':
		return "notice error 57014";
	case 'n':
		return "notice";
	case 'y':
		return "notification";
	case 's':
		return "parameter";
	case 'f':
		return "fatal 57P01";
	default:
		return "";
	}
}

/* Of ours, what a question may be answered besides the usual; those that begin
 * with '~' are lies. */
struct world_words {
	const char *verb; /* how it begins */
	const char *words[16];
};

static const struct world_words world_words[] = {
    {"facts",
     {"lock_timeout=2s", "statement_timeout=3s", "isolation=serializable",
      "read_only=on", "in_recovery=t", "strong_locks=t", "min_messages=error",
      "can_attempt=f", "start_trigger=t", "idle_timeout=1s",
      "block_idle_timeout=1s", "deadlock_timeout=100ms", "error 57014",
      "snapshot=7:7:", "~odd", "~deadlock_timeout=perhaps"}},
    {"settings",
     {"policy=hold", "policy=reject", "policy=lock", "policy=pass",
      "policy=perhaps", "hold_timeout=1s policy=hold", "gate_transaction=0",
      "replay=on", "drop_in_steps=on", "drop_in_steps=last hold_timeout=1s",
      "optimistic=on", "memory=off", "guard=ddl replay=on", "guard=off",
      "on_timeout=pass hold_timeout=1s", "~odd"}},
    {"plan",
     {"set=ab", "set=aB", "set=a", "set=abcde", "set=B", "large",
      "set=", "set=bdc", "error 57014", "~odd", "~set=zz"}},
    {"attempt",
     {"1", "1", "1", "2", "1", "error 57014", "notice", "log", "~silent", "~9",
      "~x"}},
    {"coax", {"1", "2", "~silent", "~9"}},
    {"look",
     {"young", "old", "old", "cycle", "waiter", "autovacuum", "old", "cycle",
      "error 57014", "~odd"}},
    {"names", {"error 57014", "~odd"}},
    {"snapshot", {"7:8:", "7:9:8", "error 57014", "~odd", "~x:y:z"}},
    {"isolation", {"repeatable read", "serializable", "error 57014"}},
    {"keeps", {"t", "error 57014"}},
    {"glance", {"f", "children", "error 42501", "~odd"}},
    {"as-before", {"error 22P02", "error 57014", "~odd"}},
    {"plain-names", {"error 22P02", "error 57014", "~odd"}},
    {"unset", {"error 22P02", "error 57014", "notice"}},
    {"repeatable", {"snapshot", "a trigger", "error 42501", "~odd"}},
    {"keys", {"ab", "a", "error 42P01", "~odd"}},
    {"commit", {"error 23503", "notice", "log", "notification"}},
    {"set local", {"error 57014", "notice"}},
    {"set_config", {"error 57014", "~odd"}},
    {"begin", {"log", "notification", "parameter"}},
};

static inline const char *
world_usual_words(struct world_server *v, const char *verb)
{
	enum world_traffic traffic = v->world->traffic;
	bool is_cycle = traffic == TRAFFIC_CYCLES;
	bool is_look = server_begins(verb, "look");

	if (traffic == TRAFFIC_KEYS && server_begins(verb, "keys"))
		return "ab";
	if (traffic == TRAFFIC_NONE ||
	    (!is_look && !server_begins(verb, "attempt")) ||
	    (is_cycle ? !server_holds(&v->model) : v->met > TRAFFIC_LASTS))
		return "";
	v->met++;
	if (!is_look)
		return "1";
	return is_cycle ? "cycle" : v->met % 3 == 0 ? "young" : "old";
}

static inline const char *
world_words_of_ours(struct world_server *v, const char *verb)
{
	uint8_t choice = world_choose(v->world);
	size_t i;
	size_t n;

	if (choice < 96)
		return world_usual_words(v, verb);
	for (i = 0; i < sizeof(world_words) / sizeof(world_words[0]); i++) {
		const char *const *words = world_words[i].words;

		if (!server_begins(verb, world_words[i].verb))
			continue;
		for (n = 0; n < 16 && words[n] != NULL; n++)
			;
		words += choice % n;
		if (**words != '~')
			return *words;
		return v->world->lies != LIES_NONE ? *words + 1 : "";
	}
	return "";
}

static inline void
world_note_trial(struct world_server *v, const char *verb)
{
	const char *at = strstr(verb, "lock_timeout");
	char *end;

	if (at == NULL || strchr(at, '\'') == NULL)
		return;
	at += strcspn(at, "0123456789");
	v->is_on_trial = strtoul(at, &end, 10) > 0 && *end == '\'';
}

/* True if a replay runs it again: what the client has seen of it may be the
 * case no more. */
static inline bool
world_is_repeated(const struct world_server *v, const char *sql)
{
	int number = ledger_number(sql);

	return number >= 0 && v->client != NULL &&
	       v->client->sent[number] == 1 && v->ledger.ever[number] > 0;
}

static inline void
world_before(void *arg, const struct server_entry *e,
	     char answer[SCRIPT_ANSWER_MAX])
{
	struct world_server *v = arg;
	const char *words;

	v->ledger.status = v->model.status;
	v->out_before = v->model.out_len;
	if (e->is_ours)
		words = world_words_of_ours(v, e->verb);
	else if (v->is_on_trial && world_choose(v->world) % 4 == 1)
		words = "notice bound";
	else if (world_is_repeated(v, e->verb) &&
		 world_choose(v->world) % 4 == 1)
		words = "notice notice error 22012";
	else
		words = world_outcome(e->verb);
	snprintf(answer, SCRIPT_ANSWER_MAX, "%s", words);
}

/* One byte of the bodies of rows that have just been said becomes another. */
static inline void
world_lie_to_us(struct world_server *v)
{
	struct scripted_server *m = &v->model;
	uint8_t where = world_choose(v->world);
	size_t at = v->out_before;

	while (at + FRAME_HEADER_BYTES < m->out_len) {
		size_t len = (size_t)m->out[at + 3] << 8 | m->out[at + 4];

		if (m->out[at] == BACKEND_DATA_ROW && len > 4)
			m->out[at + 5 + where % (len - 4)] ^=
			    (uint8_t)(1 + world_choose(v->world) % 255);
		at += 1 + len;
	}
}

static inline void
world_lie(struct world_server *v)
{
	struct scripted_server *m = &v->model;
	size_t len = m->out_len - v->out_before;

	if (len == 0)
		return;
	m->out[v->out_before + world_choose(v->world) % len] ^=
	    (uint8_t)(1 + world_choose(v->world) % 255);
}

static inline void
world_check_run(const struct world_server *v, const char *sql)
{
	int number = ledger_number(sql);

	if (number >= 0 && v->client != NULL && v->world->lies != LIES_ALL)
		assert_true(v->ledger.runs[number] <= v->client->sent[number]);
}

static inline void
world_after(void *arg, const struct server_entry *e)
{
	struct world_server *v = arg;
	struct scripted_server *m = &v->model;

	ledger_note(&v->ledger, m, e->verb);
	if (!m->has_failed)
		world_note_trial(v, e->verb);
	if (m->has_failed || m->status == TRANSACTION_IDLE)
		v->is_on_trial = false;
	world_check_run(v, e->verb);
	if (v->world->lies == LIES_NONE || world_choose(v->world) < 224)
		return;
	if (v->world->lies == LIES_ALL)
		world_lie(v);
	else if (e->is_ours)
		world_lie_to_us(v);
}

/* Connections of the server */

static inline void
world_server_close(struct world_server *v)
{
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
}

static inline void
world_accept(struct world *w)
{
	struct world_server *v;
	int fd;

	while ((fd = accept4(w->listener, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		assert_true(w->server_count < WORLD_SERVERS);
		v = &w->servers[w->server_count++];
		v->world = w;
		v->fd = fd;
		v->has_begun = false;
		v->client = NULL;
		v->in_len = v->out_len = 0;
		v->is_on_trial = false;
		v->met = 0;
		memset(&v->ledger, 0, sizeof(v->ledger));
		memset(&v->model, 0, sizeof(v->model));
		server_start(&v->model, NULL);
		v->model.before = world_before;
		v->model.after = world_after;
		v->model.arg = v;
		w->moved++;
	}
}

static inline void
world_count_asyncs(struct world_server *v)
{
	struct span in = span_of(v->model.out, v->model.out_len);
	struct frame f;

	while (frame_next(&f, &in, FRAME_LENGTH_MAX) == FRAME_OK)
		v->asyncs += f.type == BACKEND_PARAMETER_STATUS ||
			     f.type == BACKEND_NOTIFICATION_RESPONSE;
}

static inline void
world_flush(struct world_server *v)
{
	struct scripted_server *m = &v->model;

	if (!m->is_flushed)
		return;
	m->is_flushed = false;
	assert_true(v->out_len + m->out_len <= sizeof(v->out));
	memcpy(v->out + v->out_len, m->out, m->out_len);
	world_count_asyncs(v);
	world_tell_all("  says", (size_t)(v - v->world->servers),
		       span_of(m->out, m->out_len));
	v->out_len += m->out_len;
	m->out_len = 0;
}

/* The name of its client is a digit, "user" has it; a cancel request has none,
 * and the only answer to that is the end. */
static inline void
world_server_begins(struct world_server *v, struct span packet)
{
	static const char login[] = "R\0\0\0\x8\0\0\0\0"
				    "S\0\0\0\x19"
				    "client_encoding\0UTF8\0"
				    "S\0\0\0\x18server_version\00015.3\0"
				    "S\0\0\0#standard_conforming_strings\0on\0";
	uint8_t key[] = {'K', 0, 0, 0, 12, 0, 0, 0, 7, '1', '2', '3', '4'};
	const uint8_t *user = memmem(packet.data, packet.len, "user\0", 5);

	v->has_begun = true;
	if (user == NULL) {
		world_server_close(v);
		return;
	}
	v->client = &v->world->clients[user[5] - '0'];
	key[8] = (uint8_t)(7 + user[5] - '0');
	server_bytes(&v->model, login, sizeof(login) - 1);
	server_bytes(&v->model, key, sizeof(key));
	server_ready(&v->model);
	v->model.is_flushed = true;
	v->asyncs = 0;
	world_flush(v);
	v->asyncs = 0; /* those of the login */
}

static inline void
world_server_take(struct world_server *v, size_t len)
{
	memmove(v->in, v->in + len, v->in_len - len);
	v->in_len -= len;
}

/* The next message is read, and answered.  False: there is none. */
static inline bool
world_server_step(struct world_server *v)
{
	struct span in = span_of(v->in, v->in_len);
	struct frame f;
	size_t len;

	if (v->fd < 0 || v->model.is_gone)
		return false;
	if (!v->has_begun) {
		len = v->in_len >= 4 ? v->in[3] : 0;
		if (len == 0 || v->in_len < len)
			return false;
		world_server_begins(v, span_of(v->in, len));
		world_server_take(v, len);
	} else {
		if (frame_next(&f, &in, FRAME_LENGTH_MAX) != FRAME_OK)
			return false;
		v->model.trace[0] = '\0';
		world_tell("server", (size_t)(v - v->world->servers), &f);
		server_reads(&v->model, &f);
		ledger_note_message(&v->ledger, &v->model, f.type);
		v->model.is_gone |= f.type == FRONTEND_TERMINATE;
		v->model.is_flushed |= v->model.is_gone;
		world_server_take(v, (size_t)(in.data - v->in));
	}
	v->world->moved++;
	world_flush(v);
	return true;
}

/* So many bytes of what it has said go to the proxy; behind a FATAL error it
 * closes. */
static inline void
world_server_deliver(struct world_server *v, size_t max)
{
	size_t len = v->out_len < max ? v->out_len : max;
	ssize_t n;

	if (v->fd < 0)
		return;
	n = len > 0 ? send(v->fd, v->out, len, MSG_NOSIGNAL) : 0;
	if (n > 0) {
		memmove(v->out, v->out + n, v->out_len - (size_t)n);
		v->out_len -= (size_t)n;
		v->world->moved += (uint64_t)n;
	}
	if (v->model.is_gone && v->out_len == 0) {
		world_server_close(v);
		v->world->moved++;
	}
}

static inline void
world_server_hears(struct world_server *v)
{
	ssize_t n;

	if (v->fd < 0)
		return;
	assert_true(v->in_len < sizeof(v->in));
	n = recv(v->fd, v->in + v->in_len, sizeof(v->in) - v->in_len, 0);
	if (n > 0) {
		v->in_len += (size_t)n;
		v->world->moved += (uint64_t)n;
	} else if (n == 0 && v->in_len == 0) {
		world_server_close(v);
	}
}

/* Clients */

static inline int
world_connect(struct world *w)
{
	int fds[2];

	loop_socketpair(fds);
	atomic_fetch_add(&w->sessions.load, 1);
	atomic_fetch_add(&w->daemon.connections, 1);
	sessions_accept(&w->sessions, fds[0]);
	return fds[1];
}

static inline void
world_client_comes(struct world *w, size_t i)
{
	char packet[] = "\0\0\0\x1c\0\3\0\0user\0?\0database\0db\0\0";
	struct world_client *c = &w->clients[i];

	c->fd = world_connect(w);
	c->has_come = true;
	c->has_heard_end = false;
	c->said_len = c->delivered = c->saw_len = 0;
	c->statements = 0;
	c->is_in_cycle = c->may_copy = c->has_bound = false;
	c->has_terminated = false;
	memset(c->sent, 0, sizeof(c->sent));
	packet[13] = (char)('0' + i);
	(void)send(c->fd, packet, sizeof(packet) - 1, MSG_NOSIGNAL);
}

static inline void
world_client_leaves(struct world_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static inline void
world_client_deliver(struct world *w, struct world_client *c, size_t max)
{
	size_t len = c->said_len - c->delivered;
	ssize_t n;

	if (c->fd < 0)
		return;
	if (len > max)
		len = max;
	n = len > 0 ? send(c->fd, c->said + c->delivered, len, MSG_NOSIGNAL)
		    : 0;
	if (n <= 0)
		return;
	world_tell_all("client says", (size_t)(c - w->clients),
		       span_of(c->said + c->delivered, (size_t)n));
	c->delivered += (size_t)n;
	w->moved += (uint64_t)n;
}

static inline void
world_client_hears(struct world *w, struct world_client *c)
{
	ssize_t n;

	if (c->fd < 0 || c->has_heard_end)
		return;
	n = recv(c->fd, c->saw + c->saw_len, sizeof(c->saw) - c->saw_len, 0);
	if (n > 0) {
		world_tell_all("client sees", (size_t)(c - w->clients),
			       span_of(c->saw + c->saw_len, (size_t)n));
		c->saw_len += (size_t)n;
		w->moved += (uint64_t)n;
	} else if (n == 0 || errno == ECONNRESET) {
		c->has_heard_end = true;
		w->moved++;
	}
}

/* A CancelRequest for the session of another. */
static inline void
world_cancel(struct world *w, size_t i)
{
	uint8_t packet[] = {0, 0, 0, 16, 4,   0xd2, 0x16, 0x2e,
			    0, 0, 0, 7,  '1', '2',  '3',  '4'};
	int fd;

	if (w->server_count > WORLD_SERVERS - 4)
		return;
	packet[11] = (uint8_t)(7 + i);
	fd = world_connect(w);
	(void)send(fd, packet, sizeof(packet), MSG_NOSIGNAL);
	close(fd);
}

/* Time and events */

/* All hear what has been said to them: who, is asked in one call, as most
 * hear nothing. */
static inline void
world_hear(struct world *w)
{
	struct pollfd fds[1 + WORLD_SERVERS + WORLD_CLIENTS];
	const struct pollfd *clients = fds + 1 + w->server_count;
	size_t servers = w->server_count;
	size_t i;

	fds[0] = (struct pollfd){.fd = w->listener, .events = POLLIN};
	for (i = 0; i < servers; i++)
		fds[1 + i] =
		    (struct pollfd){.fd = w->servers[i].fd, .events = POLLIN};
	for (i = 0; i < WORLD_CLIENTS; i++)
		fds[1 + servers + i] =
		    (struct pollfd){.fd = w->clients[i].fd, .events = POLLIN};
	if (poll(fds, 1 + servers + WORLD_CLIENTS, 0) <= 0)
		return;
	for (i = 0; i < servers; i++)
		if (fds[1 + i].revents != 0)
			world_server_hears(&w->servers[i]);
	for (i = 0; i < WORLD_CLIENTS; i++)
		if (clients[i].revents != 0)
			world_client_hears(w, &w->clients[i]);
	if (fds[0].revents != 0)
		world_accept(w);
}

/* Sessions do what is due now, and all hear what comes of it at once. */
static inline void
world_turn(struct world *w)
{
	if (w->allocations > 0)
		allocation_fail_after(w->allocations);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	if (w->allocations > 0 && allocation_restore()) {
		w->allocations = 0;
		w->may_end = true;
		w->has_starved = true;
	}
	world_hear(w);
}

/* All that can go on without time goes on. */
static inline void
world_run(struct world *w)
{
	uint64_t before;
	size_t i;

	do {
		before = w->moved;
		for (i = 0; i < WORLD_CLIENTS; i++)
			world_client_deliver(w, &w->clients[i], SIZE_MAX);
		for (i = 0; i < w->server_count; i++) {
			while (world_server_step(&w->servers[i]))
				;
			world_server_deliver(&w->servers[i], SIZE_MAX);
		}
		world_turn(w);
		world_turn(w);
	} while (w->moved != before);
	w->silent_ms = 0;
}

/* To the next timer.  False: there is none. */
static inline bool
world_wait(struct world *w)
{
	uint64_t ms;

	if (!virtual_clock_next(w->base, &ms))
		return false;
	virtual_clock_advance(ms);
	world_turn(w);
	return true;
}

/* Begin and end */

/* As worker.c has it. */
static inline void
world_mail(void *arg, const struct mail *mail)
{
	struct world *w = arg;

	switch (mail->kind) {
	case MAIL_CANCEL:
		sessions_cancel(&w->sessions, mail);
		break;
	case MAIL_CANCELED:
		sessions_cancel_answered(&w->sessions, mail);
		break;
	case MAIL_SHUT:
		gate_add(&w->sessions.gate, mail->data);
		break;
	case MAIL_OPEN:
		gate_remove(&w->sessions.gate, mail->data);
		break;
	default:
		fail();
	}
}

/* A server is another process than the proxy, and the listener is whose who
 * calls listen: the proxy ends sessions that come back to itself. */
static inline void
world_listen_as_other(int listener)
{
	pid_t other = fork();
	int status = -1;

	assert_true(other >= 0);
	if (other == 0)
		_exit(listen(listener, WORLD_SERVERS) == 0 ? 0 : 1);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(status, 0);
}

static inline void
world_listen(struct world *w)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	int len;

	snprintf(w->host, sizeof(w->host), "@lockstep-%d", (int)getpid());
	w->upstream.host = w->host;
	w->upstream.port = WORLD_PORT;
	len = snprintf(u.sun_path, sizeof(u.sun_path), "%s/.s.PGSQL.%d",
		       w->host, WORLD_PORT);
	u.sun_path[0] = '\0';
	w->listener =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(w->listener >= 0);
	assert_int_equal(
	    bind(w->listener, (struct sockaddr *)&u,
		 (socklen_t)offsetof(struct sockaddr_un, sun_path) +
		     (socklen_t)len),
	    0);
	world_listen_as_other(w->listener);
}

static inline void
world_configure(struct world *w)
{
	static const enum guard_policy policies[] = {
	    GUARD_POLICY_AUTO, GUARD_POLICY_AUTO, GUARD_POLICY_HOLD,
	    GUARD_POLICY_LOCK};
	struct config *c = &w->config;
	uint8_t choice = world_choose(w);
	uint8_t more = world_choose(w);

	*c = (struct config){
	    .upstream = &w->upstream,
	    .upstream_count = 1,
	    .max_connections = 100,
	    .connect_timeout_ms = 10000,
	    .login_timeout_ms = 60000,
	    .query_limit_bytes = 1024 * 1024,
	    .parse_limit_bytes = 16 * 1024,
	    .detect = GUARD_SCOPE_DDL,
	    .records = GUARD_REPLAY_ON,
	};
	if (more & 128)
		c->query_limit_bytes = WORLD_SMALL_BYTES;
	w->lies = (enum world_lies)(more % 4 % 3);
	w->traffic = (enum world_traffic)(more >> 5 & 3);
	c->guard.scope = choice & 1 ? GUARD_SCOPE_DDL : GUARD_SCOPE_DROPS;
	c->guard.policy = policies[choice >> 1 & 3];
	c->guard.guard_single_table = choice & 8;
	c->guard.has_memory = choice & 16;
	c->guard.unparsed = (enum guard_unparsed)(choice % 3);
	c->guard.is_optimistic = choice & 32;
	c->guard.replay = choice & 64 ? GUARD_REPLAY_ON : GUARD_REPLAY_DDL;
	c->guard.steps = choice & 128 ? GUARD_STEPS_ON : GUARD_STEPS_LAST;
	c->guard.on_timeout =
	    more & 4 ? GUARD_TIMEOUT_PASS : GUARD_TIMEOUT_ERROR;
	c->guard.attempt_timeout_ms = 200;
	c->guard.hold_timeout_ms = more & 8 ? 2000 : 20000;
	c->guard.in_transaction_timeout_ms = 2000;
	c->guard.gate_window_ms = 300;
	c->guard.gate_transaction_ms = more & 16 ? 0 : 5000;
}

static inline void
world_begin(struct world *w, const uint8_t *data, size_t size)
{
	struct daemon *d = &w->daemon;
	size_t i;

	w->input = (struct reader){.rest = span_of(data, size)};
	w->allocations = 0;
	w->has_starved = false;
	w->may_end = false;
	w->silent_ms = 0;
	w->server_count = 0;
	w->moved = 0;
	virtual_clock_reset();
	world_configure(w);
	memset(d, 0, sizeof(*d));
	memset(&w->sessions, 0, offsetof(struct sessions, scratch));
	w->base = loop_new();
	d->start_config = &w->config;
	generation_lend(&w->generation, &w->config);
	d->cancels = cancel_registry_new();
	d->turns = turns_new();
	d->seats = seats_new();
	d->pauses = pauses_new();
	d->memory = memory_new();
	d->habits = habits_new();
	w->mailboxes[0] = &w->mailbox;
	d->mailboxes = w->mailboxes;
	d->worker_count = 1;
	if (w->credentials != NULL)
		atomic_fetch_add(&w->credentials->uses, 1);
	d->credentials = credentials_store_new(
	    w->credentials != NULL ? w->credentials
				   : credentials_load(&w->generation, stderr));
	assert_true(mailbox_open(&w->mailbox, w->base, world_mail, w));
	sessions_init(&w->sessions, d, w->base, &w->mailbox, 0);
	for (i = 0; i < WORLD_CLIENTS; i++) {
		w->clients[i].fd = -1;
		w->clients[i].has_come = false;
	}
}

static inline bool
world_turn_is_free(struct world *w)
{
	struct lock_item items['z' - 'a' + 1] = {0};
	const struct lock_set all = {items, 'z' - 'a' + 1};
	const struct turn_claim claim = {.who.session = 99, .set = &all};
	struct rival rival;
	uint32_t allowance_ms;
	bool is_free;

	for (size_t i = 0; i < all.count; i++) {
		items[i].relid = 100 + (uint32_t)i;
		items[i].mode = LOCK_ACCESS_EXCLUSIVE;
	}
	is_free = turns_take(w->daemon.turns, "db", &claim, clock_now_ms(),
			     &allowance_ms, &rival);
	turns_give(w->daemon.turns, "db", 99);
	return is_free;
}

/* All sessions end, whatever they are at, and nothing is left of them. */
static inline void
world_end(struct world *w)
{
	struct daemon *d = &w->daemon;
	unsigned int waits = 0;
	size_t i;

	(void)pause_end(d, "");
	for (i = 0; i < WORLD_CLIENTS; i++)
		world_client_leaves(&w->clients[i]);
	for (i = 0; i < w->server_count; i++)
		world_server_close(&w->servers[i]);
	world_run(w);
	while (atomic_load(&d->connections) > 0) {
		assert_true(++waits < 1000 && world_wait(w));
		world_accept(w);
		for (i = 0; i < w->server_count; i++)
			world_server_close(&w->servers[i]);
	}
	world_turn(w);
	/* The mail that opens it may have been lost: its time ends it. */
	while (w->has_starved && !gate_is_open(&w->sessions.gate))
		assert_true(++waits < 1000 && world_wait(w));
	assert_int_equal(atomic_load(&w->sessions.load), 0);
	assert_int_equal(atomic_load(&d->exchanges), 0);
	assert_int_equal(atomic_load(&d->streams), 0);
	assert_int_equal(atomic_load(&d->prepared_bytes), 0);
	assert_true(LIST_EMPTY(&w->sessions.list));
	assert_true(gate_is_open(&w->sessions.gate));
	assert_true(TAILQ_EMPTY(&w->sessions.gate.waiting));
	assert_true(world_turn_is_free(w));
	mailbox_close(&w->mailbox);
	sessions_clear(&w->sessions);
	cancel_registry_free(d->cancels);
	turns_free(d->turns);
	seats_free(d->seats);
	pauses_free(d->pauses);
	memory_free(d->memory);
	habits_free(d->habits);
	credentials_store_free(d->credentials);
	event_base_free(w->base);
}

#endif
