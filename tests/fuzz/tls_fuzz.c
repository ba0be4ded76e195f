/*
 * Any bytes, in pieces of any size, to either side of a handshake; and to the
 * server's behind a client's first words, of which some are changed.  It ends
 * or wants more, and what it says meanwhile is records.
 */
#include "proxy/tls/tls.h"

#include <assert.h>
#include <stdio.h>

#include "tests/support/certificates.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	HEADER_BYTES = 5, /* of a record */
	HELLO_MAX = 4096,
};

enum turn {
	TO_SERVER,
	TO_CLIENT,
	CHANGED_TO_SERVER,
	TURNS,
};

static struct tls_context *of_server;
static struct tls_context *of_client;
static uint8_t hello[HELLO_MAX];
static size_t hello_len;

/* The files are read once, and gone then. */
static void
make_contexts(void)
{
	const struct tls_settings server = {.mode = TLS_VERIFY_CA,
					    .cert = "server.crt",
					    .key = "server.key",
					    .ca = "ca.crt"};
	const struct tls_settings client = {.mode = TLS_VERIFY_FULL,
					    .ca = "ca.crt"};
	char why[TLS_WHY_MAX];

	if (certificates_enter_folder(NULL) != 0)
		abort();
	of_server = tls_context_for_clients(&server, why);
	of_client = tls_context_for_server(&client, why);
	if (certificates_leave_folder(NULL) != 0)
		abort();
	assert(of_server != NULL && of_client != NULL);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char folder[4096];
	struct tls *t;
	struct span said;

	(void)argc;
	(void)argv;
	/* Paths of the command line may be relative. */
	if (getcwd(folder, sizeof(folder)) == NULL)
		abort();
	make_contexts();
	if (chdir(folder) != 0)
		abort();
	t = tls_new(of_client, "db.test");
	assert(t != NULL && tls_handshake(t) == TLS_MORE);
	said = buffer_span(tls_output(t));
	assert(said.len <= sizeof(hello));
	memcpy(hello, said.data, said.len);
	hello_len = said.len;
	tls_free(t);
	return 0;
}

static void
check_output(struct tls *t)
{
	struct span rest = buffer_span(tls_output(t));

	while (rest.len > 0) {
		size_t len;

		assert(rest.len > HEADER_BYTES);
		assert(rest.data[0] >= 20 && rest.data[0] <= 23);
		len = HEADER_BYTES + (size_t)(rest.data[3] << 8 | rest.data[4]);
		assert(rest.len >= len);
		rest.data += len;
		rest.len -= len;
	}
	buffer_clear(tls_output(t));
}

static enum tls_step
feed(struct tls *t, struct span in, size_t piece)
{
	enum tls_step step = TLS_MORE;

	while (in.len > 0 && step == TLS_MORE) {
		struct span part = in;

		if (part.len > piece)
			part.len = piece;
		if (!tls_feed(t, part))
			abort();
		step = tls_handshake(t);
		assert(step != TLS_DONE); /* nobody guesses the keys */
		assert(step != TLS_FAILED || tls_error(t)[0] != '\0');
		check_output(t);
		in.data += part.len;
		in.len -= part.len;
	}
	return step;
}

/* Pairs of a place and what to change there; then what follows. */
static void
feed_changed(struct tls *t, struct span in, size_t piece)
{
	uint8_t changed[HELLO_MAX];
	size_t changes = in.len > 0 ? in.data[0] % 8 : 0;

	memcpy(changed, hello, hello_len);
	if (in.len > 0) {
		in.data++;
		in.len--;
	}
	for (; changes > 0 && in.len >= 3; changes--) {
		size_t at = (size_t)(in.data[0] << 8 | in.data[1]) % hello_len;

		changed[at] ^= in.data[2];
		in.data += 3;
		in.len -= 3;
	}
	if (feed(t, span_of(changed, hello_len), piece) == TLS_MORE)
		(void)feed(t, in, piece);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum turn turn;
	size_t piece;
	struct span in;
	struct tls *t;

	if (size < 2)
		return 0;
	turn = data[0] % TURNS;
	piece = (size_t)data[1] * 8 + 1;
	in = span_of(data + 2, size - 2);
	t = tls_new(turn == TO_CLIENT ? of_client : of_server, "db.test");
	if (t == NULL)
		abort();
	if (turn == TO_CLIENT) {
		assert(tls_handshake(t) == TLS_MORE);
		check_output(t);
	}
	if (turn == CHANGED_TO_SERVER)
		feed_changed(t, in, piece);
	else
		(void)feed(t, in, piece);
	tls_free(t);
	return 0;
}
