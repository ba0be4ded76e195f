/*
 * session_talk.h - what the clients of a session_world.h say: messages that a
 * well-behaved client may send, chosen by the world's input.
 *
 * Each statement has its number and a letter for how it ends in a comment.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_SESSION_TALK_H
#define LOCKSTEP_TESTS_SUPPORT_SESSION_TALK_H

#include "protocol/writer.h"
#include "tests/support/session_world.h"

enum {
	TALK_TEXT_MAX = 512,
	TALK_ROOM = 4096, /* that is left for what ends the talk */
};

/* Each '?' becomes a comment. */
static const char *const talk_texts[] = {
    "select 1 ?",
    "insert into t values (1) ?",
    "drop table c ?",
    "drop table a ?",
    "begin ?",
    "commit ?",
    "rollback ?",
    "alter table a drop column x ?",
    "begin ?; drop table c ?; commit ?",
    "drop table c ?; insert into d values (1) ?; select 1 ?",
    "set x = 1 ?; drop table c ?",
    "truncate a ?",
    "create table e (x int references a) ?",
    "alter table c add foreign key (x) references a not valid ?",
    "insert into a values (1) ?; commit ?; drop table c ?",
    "begin ?; insert into t values (1) ?; drop table c ?",
    "select * from a ?; select * from b ?",
    "drop view v ?",
    "alter table a rename to b ?; drop table b ?",
    "commit and chain ?",
    "copy a from stdin ?",
    "drop table a, c ?",
    "lock table a, b ?",
    "do $$ begin drop table c; end $$ ?",
    "create index on a (x) ?",
    "?",
    "",
    "begin ?; drop table a ?; commit ?; begin ?; drop table c ?; commit ?",
    "select * from b ?",
    "select f() ?",
    "set lock_timeout = '1s' ?",
    "alter table c drop constraint c_a ?",
    "deallocate all ?",
    "deallocate n1 ?",
    "discard all ?",
    "savepoint s ?",
    "rollback to s ?",
    "release s ?",
    "begin ?; savepoint s ?; drop table c ?; rollback to s ?",
};

enum {
	TALK_TEXTS = sizeof(talk_texts) / sizeof(talk_texts[0]),
	TALK_COPY = 20,
};

static const char talk_names[3][4] = {"", "n1", "n2"};

static inline void
talk_add(struct world_client *c, uint8_t type, const void *body, size_t len)
{
	uint8_t *at = c->said + c->said_len;
	uint32_t wire = (uint32_t)len + 4;

	assert_true(c->said_len + len + FRAME_HEADER_BYTES <= WORLD_BYTES);
	*at++ = type;
	for (int i = 0; i < 4; i++)
		*at++ = (uint8_t)(wire >> (24 - 8 * i));
	if (len > 0)
		memcpy(at, body, len);
	c->said_len += FRAME_HEADER_BYTES + len;
}

/* A number that no statement of the client's has had.  -1: there is none. */
static inline int
talk_number(struct world_client *c)
{
	return c->statements < LEDGER_STATEMENTS ? c->statements++ : -1;
}

/* The text of this index, with `runs` allowed for each of its statements.
 * False: no numbers are left. */
static inline bool
talk_write_text(struct world *w, struct world_client *c, size_t index,
		uint16_t runs, char out[TALK_TEXT_MAX])
{
	static const char letters[] = "kkkkkkkkkkeenpdyscf";
	const char *s = talk_texts[index];
	size_t len = 0;

	for (; *s != '\0'; s++) {
		int number;

		if (*s != '?') {
			out[len++] = *s;
			continue;
		}
		number = talk_number(c);
		if (number < 0)
			return false;
		c->sent[number] = runs;
		len += (size_t)sprintf(
		    out + len, "/*%d%c*/", number,
		    letters[world_choose(w) % (sizeof(letters) - 1)]);
	}
	out[len] = '\0';
	return true;
}

static inline void
talk_query(struct world *w, struct world_client *c)
{
	size_t index = world_choose(w) % TALK_TEXTS;
	char text[TALK_TEXT_MAX];

	if (!talk_write_text(w, c, index, 1, text))
		return;
	talk_add(c, FRONTEND_QUERY, text, strlen(text) + 1);
	c->may_copy = index == TALK_COPY; /* it waits for no answer */
}

/* Texts of one statement, which may be executed again and again. */
static inline void
talk_parse(struct world *w, struct world_client *c, const char *name)
{
	size_t index = world_choose(w) % TALK_TEXTS;
	char text[TALK_TEXT_MAX];
	char body[TALK_TEXT_MAX + 16];
	int len;

	if (index == TALK_COPY || strchr(talk_texts[index], ';') != NULL)
		index %= 8;
	if (!talk_write_text(w, c, index, UINT16_MAX, text))
		return;
	len = sprintf(body, "%s%c%s%c%c%c", name, 0, text, 0, 0, 0);
	talk_add(c, FRONTEND_PARSE, body, (size_t)len);
}

static inline void
talk_bind(struct world_client *c, const char *name)
{
	char body[32];
	int len =
	    sprintf(body, "%c%s%c%c%c%c%c%c%c", 0, name, 0, 0, 0, 0, 0, 0, 0);

	talk_add(c, FRONTEND_BIND, body, (size_t)len);
	c->has_bound = true;
}

static inline void
talk_execute(struct world_client *c)
{
	if (c->has_bound)
		talk_add(c, FRONTEND_EXECUTE, "\0\0\0\0\0", 5);
	c->has_bound = false;
}

static inline void
talk_close(struct world_client *c, const char *name)
{
	char body[16];
	int len = sprintf(body, "S%s%c", name, 0);

	talk_add(c, FRONTEND_CLOSE, body, (size_t)len);
}

static inline void
talk_sync(struct world_client *c)
{
	talk_add(c, FRONTEND_SYNC, "", 0);
	c->is_in_cycle = false;
	c->has_bound = false;
}

/* A Parse, Bind, Execute and Sync of one statement, as drivers send them. */
static inline void
talk_cycle(struct world *w, struct world_client *c, const char *name)
{
	talk_parse(w, c, name);
	talk_bind(c, name);
	if (world_choose(w) & 1)
		talk_add(c, FRONTEND_DESCRIBE, "P", 2);
	talk_execute(c);
	if (world_choose(w) & 3)
		talk_sync(c);
	else
		c->is_in_cycle = true;
}

static inline void
talk_extended(struct world *w, struct world_client *c, uint8_t kind)
{
	const char *name = talk_names[world_choose(w) % 3];

	c->is_in_cycle = true;
	switch (kind) {
	case 0:
		talk_parse(w, c, name);
		break;
	case 1:
		talk_bind(c, name);
		break;
	case 2:
		talk_add(c, FRONTEND_DESCRIBE, "P", 2);
		break;
	case 3:
		talk_execute(c);
		break;
	case 4:
		talk_close(c, name);
		break;
	case 5:
		talk_add(c, FRONTEND_FLUSH, "", 0);
		break;
	case 6:
		talk_sync(c);
		break;
	default:
		talk_cycle(w, c, name);
		break;
	}
}

/* The client sends data, or an end of them. */
static inline void
talk_copy(struct world *w, struct world_client *c)
{
	uint8_t choice = world_choose(w);

	if (choice & 1) {
		talk_add(c, FRONTEND_COPY_DATA, "1\n", 2);
		return;
	}
	if (choice & 2)
		talk_add(c, FRONTEND_COPY_FAIL, "no", 3);
	else
		talk_add(c, FRONTEND_COPY_DONE, "", 0);
	c->may_copy = false;
}

/* Say the next message, or a few. */
static inline void
talk(struct world *w, struct world_client *c)
{
	uint8_t kind;

	if (c->said_len > WORLD_BYTES - TALK_ROOM || c->has_terminated)
		return;
	if (c->may_copy) {
		talk_copy(w, c);
		return;
	}
	kind = world_choose(w);
	if (kind < 128)
		talk_query(w, c);
	else
		talk_extended(w, c, kind % 16);
}

/* End what is open, so that the server owes an answer to all. */
static inline void
talk_end(struct world_client *c)
{
	if (c->has_terminated)
		return;
	if (c->may_copy)
		talk_add(c, FRONTEND_COPY_DONE, "", 0);
	c->may_copy = false;
	if (c->is_in_cycle)
		talk_sync(c);
}

static inline void
talk_terminate(struct world_client *c)
{
	if (!c->has_terminated)
		talk_add(c, FRONTEND_TERMINATE, "", 0);
	c->has_terminated = true;
}

#endif
