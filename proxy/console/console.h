/*
 * console.h - one client's conversation with the console: the protocol of a
 * server, simple and extended, whose statements are console_parse's.
 *
 * The session that owns it reads the client and calls; what is said goes to the
 * pair's client.  One message is dealt with at a time, and a result goes out a
 * page at a time: the next is made when the client has taken the last, so that
 * a console keeps little memory however many sessions it shows.
 */
#ifndef LOCKSTEP_PROXY_CONSOLE_CONSOLE_H
#define LOCKSTEP_PROXY_CONSOLE_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"
#include "proxy/auth/console_access.h"
#include "proxy/console/console_task.h"
#include "proxy/gate/gate.h"
#include "proxy/pair/pair.h"

struct console;

/* For the pair's client, which is authenticated; both are borrowed for its
 * life, and worker is the pair's.  NULL: out of memory. */
struct console *console_new(struct pair *pair, const struct gate *gate,
			    uint32_t worker, enum console_rights rights);
void console_free(struct console *c); /* accepts NULL */

/* Tell the client that it is let in, and by which key a cancel request finds
 * it; secret.len is 0: by none.  The pair may be closing, as below. */
void console_welcome(struct console *c, uint32_t pid, struct span secret);

/* Go on with what is under way, and then with the messages that wait in the
 * pair's inlet of the client, as far as the client takes the answers. */
void console_go_on(struct console *c);

/* A task has come back; it is taken. */
void console_task_returned(struct console *c, struct console_task *t);

/* The time that the console has set the pair's timer for is over. */
void console_tick(struct console *c);

/* A cancel request has come: it ends a PAUSE that waits, and nothing else. */
void console_cancel(struct console *c);

/* True if a PAUSE waits: the client is to be read, as it may leave. */
bool console_is_pausing(const struct console *c);

/* True if nothing is under way: a message of the client's is waited for. */
bool console_is_idle(const struct console *c);

#endif
