/*
 * handshaker.h - what a worker has for its handshakes: a loop, a mailbox and
 * a pool of threads.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_HANDSHAKER_H
#define LOCKSTEP_TESTS_SUPPORT_HANDSHAKER_H

#include "proxy/net/handshake.h"
#include "proxy/net/handshake_pool.h"
#include "proxy/net/resolver.h"
#include "tests/support/loop.h"

enum {
	HANDSHAKER_THREADS = 2,
};

struct handshaker_fixture {
	struct mailbox mailbox;
	struct handshaker by;
};

static inline void
handshaker_fixture_mail(void *arg, const struct mail *mail)
{
	(void)arg;
	if (mail->kind == MAIL_RESOLVED) {
		resolution_answered(mail->data);
		return;
	}
	assert_int_equal(mail->kind, MAIL_HANDSHAKE);
	handshake_stepped(mail->data);
}

/* Stays where it is until handshaker_fixture_end. */
static inline void
handshaker_fixture_begin(struct handshaker_fixture *f, struct event_base *base)
{
	assert_true(
	    mailbox_open(&f->mailbox, base, handshaker_fixture_mail, NULL));
	f->by.base = base;
	f->by.mailbox = &f->mailbox;
	f->by.pool = handshake_pool_new(HANDSHAKER_THREADS);
	assert_non_null(f->by.pool);
	assert_true(handshake_pool_start(f->by.pool));
}

static inline void
handshaker_fixture_end(struct handshaker_fixture *f)
{
	handshake_pool_stop(f->by.pool);
	mailbox_close(&f->mailbox);
}

/* A use of a context, or a failure of the test. */

static inline struct tls_context *
handshaker_server_context(const struct tls_settings *s)
{
	char why[TLS_WHY_MAX];
	struct tls_context *c = tls_context_for_clients(s, why);

	if (c == NULL)
		fail_msg("%s", why);
	return c;
}

static inline struct tls_context *
handshaker_client_context(const struct tls_settings *s)
{
	char why[TLS_WHY_MAX];
	struct tls_context *c = tls_context_for_server(s, why);

	if (c == NULL)
		fail_msg("%s", why);
	return c;
}

#endif
