/*
 * A login between our two sides, in which one message is altered, or all that
 * one side hears is made up: nobody is let in or trusted unless every message
 * that counts arrived as it was sent.
 */
#include "proxy/auth/scram.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/scram_state.h"
#include "proxy/tls/digest.h"

enum {
	CLIENT_FIRST,
	SERVER_FIRST,
	CLIENT_FINAL,
	SERVER_FINAL,
	MESSAGES,
};

/* What the first byte of the input says. */
enum {
	OPTION_MESSAGE = MESSAGES - 1, /* which one is altered */
	OPTION_BINDING = 4,
	OPTION_CAN_BIND = 8,
	OPTION_MOCK = 16,
	OPTION_MADE_UP = 32,
};

struct login {
	struct scram_server *server;
	struct scram_client *client;
	unsigned options;
	struct span input;
	bool is_altered; /* a message arrived otherwise than it was sent */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t
take_byte(struct span *in)
{
	uint8_t byte = 0;

	if (in->len > 0) {
		byte = in->data[0];
		*in = span_of(in->data + 1, in->len - 1);
	}
	return byte;
}

static void
login_begin(struct login *l)
{
	static const uint8_t key[SCRAM_KEY_BYTES] = "what only we know";
	static const struct scram_mock mock = {.key = "what only we know",
					       .iterations = 4096};
	struct scram_verifier v = {.iterations = 4096, .salt_len = 16};
	struct span binding = span_of("hash", 4);

	if (!digest_sha256(v.stored_key, scram_key(key)))
		abort();
	if ((l->options & OPTION_BINDING) == 0)
		binding.len = 0;
	l->server =
	    scram_server_new((l->options & OPTION_MOCK) != 0 ? NULL : &v,
			     span_of("u", 1), &mock, binding);
	l->client = scram_client_new(&v, key, binding,
				     (l->options & OPTION_CAN_BIND) != 0);
	if (l->server == NULL || l->client == NULL)
		abort();
	/* so that a run can be repeated */
	strcpy(l->server->own_nonce, "server");
	strcpy(l->client->own_nonce, "client");
	if ((l->options & OPTION_MOCK) != 0)
		l->server->verifier = v;
}

/* A stretch of the message gives way to what is left of the input. */
static void
alter(struct login *l, struct writer *message)
{
	struct span in = l->input;
	struct writer altered = {0};
	size_t at = take_byte(&in);
	size_t len = take_byte(&in);

	if (at > message->len)
		at = message->len;
	if (len > message->len - at)
		len = message->len - at;
	write_bytes(&altered, message->data, at);
	write_bytes(&altered, in.data, in.len);
	write_bytes(&altered, message->data + at + len,
		    message->len - at - len);
	l->is_altered = altered.len != message->len ||
			memcmp(altered.data, message->data, altered.len) != 0;
	writer_clear(message);
	*message = altered;
}

static enum scram_status
step(struct login *l, int number, struct writer *message)
{
	bool is_plus = (l->options & OPTION_BINDING) != 0;
	struct writer answer = {0};
	enum scram_status status;
	struct span text;

	if ((l->options & OPTION_MESSAGE) == (unsigned)number)
		alter(l, message);
	text = scram_written(message);
	if (number == CLIENT_FIRST || number == CLIENT_FINAL)
		status = scram_server_step(l->server, is_plus, text, &answer);
	else
		status = scram_client_step(l->client, text, &answer);
	assert(status != SCRAM_FAILED && !answer.failed);
	assert((answer.len > 0) ==
	       (status == SCRAM_CONTINUE ||
		(status == SCRAM_DONE && number == CLIENT_FINAL)));
	writer_clear(message);
	*message = answer;
	return status;
}

static void
check_altered(struct login *l)
{
	struct writer message = {0};
	enum scram_status status = SCRAM_CONTINUE;
	int number = CLIENT_FIRST;
	bool is_known = (l->options & OPTION_MOCK) == 0;

	assert(scram_client_first(l->client, &message));
	for (; number < MESSAGES; number++) {
		status = step(l, number, &message);
		if (status != SCRAM_CONTINUE && number != CLIENT_FINAL)
			break;
		if (number != CLIENT_FINAL)
			continue;
		assert((status == SCRAM_DONE) == (!l->is_altered && is_known));
		if (status != SCRAM_DONE)
			break;
	}
	assert((status == SCRAM_DONE && number == SERVER_FINAL) ==
	       (!l->is_altered && is_known));
	writer_clear(&message);
}

/* The input cut in two: what one side hears, after the client's first word. */
static void
check_made_up(struct login *l)
{
	bool is_plus = (l->options & OPTION_BINDING) != 0;
	bool is_server = (l->options & 1) != 0;
	struct span in = l->input;
	size_t len = (size_t)take_byte(&in) * 4;
	struct writer w = {0};
	enum scram_status status;
	struct span first = in;

	if (len > in.len)
		len = in.len;
	first.len = len;
	in = span_of(in.data + len, in.len - len);
	if (is_server)
		status = scram_server_step(l->server, is_plus, first, &w);
	else if (scram_client_first(l->client, &w))
		status = scram_client_step(l->client, first, &w);
	else
		abort();
	assert(status != SCRAM_DONE && status != SCRAM_FAILED);
	if (status == SCRAM_CONTINUE) {
		status = is_server
			     ? scram_server_step(l->server, is_plus, in, &w)
			     : scram_client_step(l->client, in, &w);
		assert(status != SCRAM_DONE && status != SCRAM_CONTINUE);
	}
	writer_clear(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct login l = {.input = span_of(data, size)};

	l.options = take_byte(&l.input);
	login_begin(&l);
	if ((l.options & OPTION_MADE_UP) != 0)
		check_made_up(&l);
	else
		check_altered(&l);
	scram_client_free(l.client);
	scram_server_free(l.server);
	return 0;
}
