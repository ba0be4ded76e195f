/*
 * A login with auth = scram, over a session: a client that knows its password
 * or does not, and a server that knows its verifier or does not, in pieces of
 * any size, with messages altered on their way.  A server is dialled only for a
 * client that has proved itself, who is let in only by a server that has; if
 * nothing is altered both come about, and nothing is left of a login that
 * fails.
 */
#include "protocol/authentication.h"
#include "proxy/auth/scram_state.h"
#include "tests/support/certificates.h"
#include "tests/support/scram.h"
#include "tests/support/session_world.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __wrap_log_end(struct log_event *e);

enum {
	STEPS_MAX = 200,
	SETTLE_MS = 200000, /* no login takes that long */
};

/* A login as the test plays it: the client's side, and the server's. */
struct play {
	struct scram_client *client;
	struct scram_server *server;
	size_t seen;       /* of what the client saw: dealt with */
	bool has_first;    /* the client's first words are said */
	bool is_right;     /* the client knows the password */
	bool is_trusted;   /* the server knows the verifier */
	bool is_proved;    /* the server has been shown the proof */
	bool is_altered;   /* a message of the client's proof */
	bool is_distorted; /* one of the server's */
	bool is_changed;   /* any message */
};

static struct world world;
static struct play play;
static struct scram_secret right;
static struct scram_secret wrong;

/* Nothing is written. */
void
__wrap_log_end(struct log_event *e)
{
	(void)e;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char folder[4096];

	(void)argc;
	(void)argv;
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	log_init(LOG_ERROR, LOG_TEXT);
	right = pencil();
	wrong = scram_secret_of_text("rubber", PENCIL_SALT, 4096);
	/* Paths of the command line may be relative. */
	if (getcwd(folder, sizeof(folder)) == NULL ||
	    certificates_enter_folder(NULL) != 0)
		abort();
	certificate_write_text("roles", "\"0\" \"" PENCIL_VERIFIER "\"\n");
	world.config =
	    (struct config){.auth = AUTH_SCRAM, .auth_file = "roles"};
	generation_lend(&world.generation, &world.config);
	world.credentials = credentials_load(&world.generation, stderr);
	assert_non_null(world.credentials);
	if (certificates_leave_folder(NULL) != 0 || chdir(folder) != 0)
		abort();
	world_listen(&world);
	return 0;
}

/* One of its bytes becomes another, if the input wants it.  True: it has. */
static bool
alter(struct writer *w)
{
	size_t at;

	if (world_choose(&world) < 232)
		return false;
	at = world_choose(&world) % w->len;
	w->data[at] ^= (uint8_t)(1 + world_choose(&world) % 255);
	play.is_changed = true;
	return true;
}

static void
client_says(struct writer *message)
{
	struct world_client *c = &world.clients[0];

	play.is_altered |= alter(message);
	assert_true(c->said_len + message->len <= sizeof(c->said));
	memcpy(c->said + c->said_len, message->data, message->len);
	c->said_len += message->len;
	writer_clear(message);
}

static void
client_begins(void)
{
	struct writer text = {0};
	struct writer w = {0};

	if (play.has_first)
		return;
	play.has_first = true;
	assert_true(scram_client_first(play.client, &text));
	sasl_initial_response_write(&w, scram_mechanism, scram_written(&text));
	writer_clear(&text);
	client_says(&w);
}

static void
client_goes_on(struct span data)
{
	struct writer text = {0};
	struct writer w = {0};

	if (scram_client_step(play.client, data, &text) == SCRAM_CONTINUE) {
		sasl_response_write(&w, scram_written(&text));
		client_says(&w);
	}
	writer_clear(&text);
}

/* Deal with a message that the client sees.  False: there is none. */
static bool
client_step(void)
{
	struct world_client *c = &world.clients[0];
	struct span in = span_of(c->saw + play.seen, c->saw_len - play.seen);
	struct authentication a;
	struct frame f;

	if (frame_next(&f, &in, FRAME_LENGTH_MAX) != FRAME_OK)
		return false;
	play.seen = (size_t)(in.data - c->saw);
	if (f.type != BACKEND_AUTHENTICATION ||
	    !authentication_decode(&a, f.body))
		return true;
	if (a.code == AUTHENTICATION_SASL)
		client_begins();
	else if (a.code == AUTHENTICATION_SASL_CONTINUE)
		client_goes_on(a.data);
	return true;
}

static void
login_says(struct world_server *v, struct writer *message, bool counts)
{
	if (alter(message) && counts)
		play.is_distorted = true;
	assert_true(v->out_len + message->len <= sizeof(v->out));
	memcpy(v->out + v->out_len, message->data, message->len);
	v->out_len += message->len;
	writer_clear(message);
}

static void
server_authenticates(struct world_server *v, uint32_t code, struct span data)
{
	struct writer w = {0};

	authentication_write(&w, code, data);
	login_says(v, &w,
		   code == AUTHENTICATION_SASL_CONTINUE ||
		       code == AUTHENTICATION_SASL_FINAL);
}

static void
server_lets_in(struct world_server *v)
{
	struct writer w = {0};

	server_authenticates(v, AUTHENTICATION_OK, no_binding());
	write_bytes(&w, KEY READY, sizeof(KEY READY) - 1);
	login_says(v, &w, false);
}

static void
server_checks(struct world_server *v, const struct frame *f)
{
	struct sasl_initial_response first;
	struct span text = f->body;
	struct writer answer = {0};
	enum scram_status status;

	if (play.server == NULL)
		return;
	if (sasl_initial_response_decode(&first, f->body))
		text = first.data;
	status = scram_server_step(play.server, false, text, &answer);
	play.is_proved = status == SCRAM_DONE;
	if (status == SCRAM_CONTINUE)
		server_authenticates(v, AUTHENTICATION_SASL_CONTINUE,
				     scram_written(&answer));
	if (status == SCRAM_DONE) {
		server_authenticates(v, AUTHENTICATION_SASL_FINAL,
				     scram_written(&answer));
		server_lets_in(v);
	}
	writer_clear(&answer);
}

/* Only who has proved to know the password has a server dialled. */
static void
login_begins(struct world_server *v)
{
	static const char offer[] = "SCRAM-SHA-256\0";
	const struct scram_secret *secret = play.is_trusted ? &right : &wrong;

	assert_true(play.is_right && !play.is_altered);
	v->has_begun = true;
	scram_server_free(play.server);
	play.server = server_of(&secret->verifier, no_binding());
	strcpy(play.server->own_nonce, "server");
	server_authenticates(v, AUTHENTICATION_SASL,
			     span_of(offer, sizeof(offer)));
}

/* Deal with a message that the server reads.  False: there is none. */
static bool
server_step(struct world_server *v)
{
	struct span in = span_of(v->in, v->in_len);
	struct frame f;
	size_t len = v->in_len >= 4 ? v->in[3] : 0;

	if (v->fd < 0)
		return false;
	if (!v->has_begun) {
		if (len == 0 || v->in_len < len)
			return false;
		login_begins(v);
		world_server_take(v, len);
		return true;
	}
	if (frame_next(&f, &in, FRAME_LENGTH_MAX) != FRAME_OK)
		return false;
	if (f.type == FRONTEND_PASSWORD)
		server_checks(v, &f);
	world_server_take(v, (size_t)(in.data - v->in));
	return true;
}

static void
all_step(void)
{
	size_t i;

	while (client_step())
		;
	for (i = 0; i < world.server_count; i++)
		while (server_step(&world.servers[i]))
			;
}

static void
all_deliver(size_t max)
{
	size_t i;

	world_client_deliver(&world, &world.clients[0], max);
	for (i = 0; i < world.server_count; i++)
		world_server_deliver(&world.servers[i], max);
	world_turn(&world);
}

static void
step(void)
{
	uint8_t op = world_choose(&world);

	switch (op % 8) {
	case 0:
	case 1:
	case 2:
		all_step();
		break;
	case 3:
	case 4:
		all_deliver(1 + world_choose(&world) % 32);
		break;
	case 5:
		all_deliver(SIZE_MAX);
		break;
	case 6:
		if (op / 8 == 0)
			world_client_leaves(&world.clients[0]);
		if (op / 8 == 1 && world.server_count > 0)
			world_server_close(&world.servers[0]);
		world_turn(&world);
		break;
	default:
		virtual_clock_advance(op);
		world_turn(&world);
		break;
	}
}

static void
run_all(void)
{
	uint64_t before;

	do {
		before = world.moved;
		all_step();
		all_deliver(SIZE_MAX);
		world_turn(&world);
	} while (world.moved != before);
}

static bool
is_let_in(void)
{
	struct span saw =
	    span_of(world.clients[0].saw, world.clients[0].saw_len);
	struct frame f;

	while (frame_next(&f, &saw, FRAME_LENGTH_MAX) == FRAME_OK)
		if (f.type == BACKEND_READY_FOR_QUERY)
			return true;
	return false;
}

/* The login ends well, or the connection ends. */
static void
settle(void)
{
	const struct world_client *c = &world.clients[0];

	world.input.rest.len = 0;
	run_all();
	while (!is_let_in() && c->fd >= 0 && !c->has_heard_end) {
		assert_true(world_wait(&world));
		assert_true(virtual_clock_ms() < SETTLE_MS);
		run_all();
	}
}

static void
check(bool is_undisturbed)
{
	if (is_let_in())
		assert_true(play.is_right && play.is_trusted &&
			    !play.is_altered && !play.is_distorted &&
			    play.is_proved);
	else if (is_undisturbed && !play.is_changed)
		assert_false(play.is_right && play.is_trusted);
}

static void
begin(const uint8_t *data, size_t size)
{
	const struct scram_secret *secret;
	uint8_t who;

	world_begin(&world, data, size);
	world.config.auth = AUTH_SCRAM;
	memset(&play, 0, sizeof(play));
	who = world_choose(&world);
	play.is_right = who & 3;
	play.is_trusted = who & 12;
	secret = play.is_right ? &right : &wrong;
	play.client = client_of(secret, no_binding(), false);
	strcpy(play.client->own_nonce, "client");
	world_client_comes(&world, 0);
	world_turn(&world);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int steps = 0;
	bool is_undisturbed;

	begin(data, size);
	while (world.input.rest.len > 0 && steps++ < STEPS_MAX)
		step();
	is_undisturbed = world.clients[0].fd >= 0 &&
			 (world.server_count == 0 || world.servers[0].fd >= 0);
	settle();
	check(is_undisturbed);
	world_end(&world);
	scram_client_free(play.client);
	scram_server_free(play.server);
	return 0;
}
