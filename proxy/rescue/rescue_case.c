#include "proxy/rescue/rescue_case.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/config/generation.h"
#include "proxy/gate/gate.h"

enum {
	SHUT_LEAST_MS = 10, /* a shorter window is of no use */
	ALLOWANCE_MS = 250, /* until more may be had, where there is none */
};

struct rescue_case *
rescue_case_new(struct daemon *d, const struct rescue_call *call)
{
	struct rescue_case *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->pair.id = call->session;
	c->pair.daemon = d;
	c->pair.server_pid = call->pid;
	memcpy(c->pair.database, call->database, sizeof(c->pair.database));
	c->lease.pair = &c->pair;
	c->lease.least_ms = SHUT_LEAST_MS;
	return c;
}

static void
case_open(struct rescue_case *c, uint64_t now_ms)
{
	if (!rescue_case_is_shut(c))
		return;
	lease_open(&c->lease);
	window_end(&c->pace, now_ms, c->pair.id ^ now_ms);
}

static void
case_log_end(const struct rescue_case *c)
{
	struct log_event e;

	log_begin(&e, LOG_INFO, "rescue is over");
	log_number(&e, "session", c->pair.id);
	log_number(&e, "server_pid", c->pair.server_pid);
	log_number(&e, "windows", c->pace.count);
	log_number(&e, "shut_ms", c->pace.total_ms);
	log_number(&e, "delayed", c->lease.delayed);
	log_end(&e);
}

void
rescue_case_free(struct rescue_case *c, uint64_t now_ms)
{
	case_open(c, now_ms);
	if (c->is_told)
		case_log_end(c);
	free(c);
}

void
rescue_case_begin_look(struct rescue_case *c)
{
	c->count = 0;
	c->stops_readers = false;
	c->is_due = false;
}

void
rescue_case_add(struct rescue_case *c, uint32_t relid, bool stops_readers)
{
	c->stops_readers |= stops_readers;
	if (c->count < RESCUE_RELATIONS_MAX)
		c->relids[c->count++] = relid;
}

void
rescue_case_end_look(struct rescue_case *c, uint64_t now_ms)
{
	if (c->count == 0)
		case_open(c, now_ms);
	else
		c->is_due =
		    !rescue_case_is_shut(c) && now_ms >= c->pace.next_ms;
}

/* Log the first window of a statement.  The client is told nothing: whether it
 * wants notices would have to be asked. */
static void
case_log_begin(struct rescue_case *c)
{
	struct log_event e;

	if (c->is_told)
		return;
	c->is_told = true;
	log_begin(&e, LOG_INFO,
		  "rescue: a statement waits for a lock in the server, and new "
		  "transactions for it");
	log_number(&e, "session", c->pair.id);
	log_number(&e, "server_pid", c->pair.server_pid);
	log_text(&e, "database", c->pair.database);
	log_number(&e, "relations", c->count);
	log_end(&e);
}

/* Let those pass who only read: the lock keeps nobody but writers. */
static void
case_spare_readers(struct gate_names *names)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		names->items[i].reach = GATE_REACH_WRITES;
}

/* The longest that a window may last, by the settings in force. */
static uint32_t
case_window_ms(const struct rescue_case *c)
{
	struct generation *g =
	    generation_store_use(c->pair.daemon->generations);
	uint32_t window_ms = g->config->guard.gate_window_ms;

	generation_release(g);
	return window_ms;
}

bool
rescue_case_shut(struct rescue_case *c, struct gate_names *names,
		 uint64_t now_ms)
{
	uint32_t length_ms = case_window_ms(c);

	c->is_due = false;
	if (!c->stops_readers)
		case_spare_readers(names);
	gate_names_seal(names);
	if (names->count > 0)
		lease_shut(&c->lease, names, now_ms + length_ms);
	gate_names_clear(names);
	if (!rescue_case_is_shut(c)) {
		window_put_off(&c->pace, now_ms, ALLOWANCE_MS);
		return false;
	}
	window_begin(&c->pace, now_ms, length_ms);
	case_log_begin(c);
	return true;
}

void
rescue_case_expire(struct rescue_case *c, uint64_t now_ms)
{
	if (rescue_case_is_shut(c) && c->lease.window->until_ms <= now_ms)
		case_open(c, now_ms);
}

uint64_t
rescue_case_next_ms(const struct rescue_case *c)
{
	if (rescue_case_is_shut(c) && c->lease.window->until_ms < c->until_ms)
		return c->lease.window->until_ms;
	return c->until_ms;
}
