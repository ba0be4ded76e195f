/*
 * relay.h - a logged-in session whose relay the test moves on: what one of the
 * sides sends, and what arrives at the other.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_RELAY_H
#define LOCKSTEP_TESTS_SUPPORT_RELAY_H

#include <stdio.h>

#include "protocol/types.h"
#include "proxy/session/relay.h"
#include "proxy/session/session_state.h"
#include "tests/support/session.h"

/* As the event loop does it, with what one read brings. */
static inline void
client_sends(struct session_fixture *f, const void *data, size_t len)
{
	assert_int_equal(write(f->client, data, len), len);
	relay_from_client(&f->session);
	session_finish_event(&f->session);
}

static inline void
server_sends(struct session_fixture *f, const void *data, size_t len)
{
	assert_int_equal(write(f->server, data, len), len);
	relay_from_server(&f->session);
	session_finish_event(&f->session);
}

static inline void
client_ends(struct session_fixture *f)
{
	shutdown(f->client, SHUT_WR);
	relay_from_client(&f->session);
	session_finish_event(&f->session);
}

static inline void
server_ends(struct session_fixture *f)
{
	shutdown(f->server, SHUT_WR);
	relay_from_server(&f->session);
	session_finish_event(&f->session);
}

static inline void
assert_server_gets(struct session_fixture *f, const void *data, size_t len)
{
	assert_span_equal(session_fixture_read(f, f->server),
			  span_of(data, len));
}

static inline void
assert_client_gets(struct session_fixture *f, const void *data, size_t len)
{
	assert_span_equal(session_fixture_read(f, f->client),
			  span_of(data, len));
}

/* The last words: a FATAL ErrorResponse with this SQLSTATE, or nothing. */
static inline void
assert_farewell(struct session_fixture *f, enum close_reason reason)
{
	struct span said = session_fixture_read(f, f->client);
	const char *sqlstate = close_reasons[reason].sqlstate;
	struct frame frame;
	char field[8];

	assert_session_closes(f, reason);
	assert_int_equal(f->session.state, SESSION_CLOSING);
	if (sqlstate == NULL) {
		assert_int_equal(said.len, 0);
		return;
	}
	assert_int_equal(frame_next(&frame, &said, sizeof(f->read)), FRAME_OK);
	assert_int_equal(frame.type, BACKEND_ERROR_RESPONSE);
	assert_memory_equal(frame.body.data, "SFATAL", sizeof("SFATAL"));
	snprintf(field, sizeof(field), "C%s", sqlstate);
	assert_non_null(
	    memmem(frame.body.data, frame.body.len, field, strlen(field) + 1));
	assert_int_equal(said.len, 0);
}

/* Another connection for s, of packets: one read shows one write. */
static inline void
use_packets(struct session_fixture *f, struct stream *s, int *end)
{
	int fds[2];

	stream_close(s);
	close(*end);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0, fds),
	    0);
	stream_open(s, f->base, fds[0], pair_fixture_event, NULL);
	*end = fds[1];
}

/* The client sends a frame whose body is `len` times the same byte. */
static inline uint8_t *
frame_of(char type, size_t len, char fill)
{
	uint8_t *frame = malloc(FRAME_HEADER_BYTES + len);
	uint32_t wire = (uint32_t)len + 4;

	assert_non_null(frame);
	frame[0] = (uint8_t)type;
	for (int i = 0; i < 4; i++)
		frame[1 + i] = (uint8_t)(wire >> (24 - 8 * i));
	memset(frame + FRAME_HEADER_BYTES, fill, len);
	return frame;
}

static inline void
again(void **state)
{
	session_fixture_teardown(state);
	session_fixture_setup(state);
}

#endif
