#include "proxy/guard/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/guard/as_before.h"
#include "protocol/backend.h"
#include "proxy/base/clock.h"
#include "proxy/gate/lookout.h"
#include "proxy/guard/guarded.h"

enum {
	COLUMNS_MAX = 16,
};

_Static_assert((int)COLUMNS_MAX >= (int)SESSION_FACTS_COLUMNS, "a row fits");
_Static_assert((int)COLUMNS_MAX >= (int)OVERRIDES_COLUMNS, "a row fits");
_Static_assert((int)COLUMNS_MAX >= (int)SMALL_SET_COLUMNS, "a row fits");
_Static_assert((int)COLUMNS_MAX >= (int)HOLDERS_COLUMNS, "a row fits");
_Static_assert((int)COLUMNS_MAX >= (int)PLAIN_SETTINGS_COLUMNS, "a row fits");

void
batch_begin(struct batch *b, struct guarded *g, const struct lock_set *set)
{
	batch_clear(b);
	b->injection.guarded = g;
	b->set = set;
}

void
batch_begin_more(struct batch *b)
{
	lock_set_clear(&b->planned);
	writer_clear(&b->injection.out);
	b->count = 0;
	b->done = 0;
	b->plain_statement = 0;
	b->restores = false;
	b->last = NULL;
	b->is_too_small = false;
}

static void
batch_add(struct batch *b, enum batch_purpose purpose, const char *sql,
	  char *const *params, size_t param_count)
{
	assert(b->count < BATCH_MAX);
	b->purposes[b->count] = purpose;
	b->statements[b->count++] =
	    inject_statement(&b->injection, sql, params, param_count);
}

/* Note that memory is out: batch_send finds that and closes the pair. */
static void
batch_fail(struct batch *b)
{
	b->injection.out.failed = true;
}

void
batch_add_command(struct batch *b, const char *sql)
{
	batch_add(b, BATCH_COMMAND, sql, NULL, 0);
}

void
batch_add_parse(struct batch *b, const char *sql)
{
	char name[INJECT_NAME_BYTES];

	inject_close(&b->injection, inject_prepare(&b->injection, name, sql));
}

void
batch_end_with(struct batch *b, const char *sql)
{
	b->last = sql;
}

void
batch_add_plain(struct batch *b, bool restores)
{
	char name[INJECT_NAME_BYTES];
	char *sql;

	b->restores = restores;
	b->plain_statement =
	    inject_prepare(&b->injection, name, plain_settings_query());
	sql = plain_settings_execute(name);
	if (sql != NULL)
		batch_add(b, BATCH_PLAIN, sql, NULL, 0);
	else
		batch_fail(b);
	free(sql);
	inject_close(&b->injection, b->plain_statement);
}

void
batch_add_facts(struct batch *b, bool in_block)
{
	char flag[] = "f";
	char *param = flag;

	if (in_block)
		flag[0] = 't';
	batch_add(b, BATCH_FACTS, session_facts_query(in_block), &param, 1);
}

void
batch_add_setting(struct batch *b, const char *sql)
{
	batch_add(b, BATCH_SETTING, sql, NULL, 0);
}

void
batch_add_overrides(struct batch *b)
{
	batch_add(b, BATCH_OVERRIDES, overrides_query(), NULL, 0);
}

void
batch_add_isolation(struct batch *b)
{
	batch_add(b, BATCH_ISOLATION, session_isolation_query(), NULL, 0);
}

void
batch_add_keeps(struct batch *b)
{
	batch_add(b, BATCH_KEEPS, session_keeps_query(), NULL, 0);
}

/* Add an attempt, or the like; sql is taken, and NULL if memory is out. */
static void
batch_add_attempt_sql(struct batch *b, char *sql)
{
	if (sql != NULL)
		batch_add(b, BATCH_ATTEMPT, sql, NULL, 0);
	else
		batch_fail(b);
	free(sql);
}

void
batch_add_attempt(struct batch *b, const struct attempt *attempt)
{
	batch_add_attempt_sql(b, attempt_sql(attempt));
}

void
batch_add_coax(struct batch *b, size_t index, uint32_t wait_ms)
{
	batch_add_attempt_sql(b, attempt_coax_sql(b->set, index, wait_ms));
}

/* Both may be NULL, if memory is out. */
static void
batch_add_about(struct batch *b, enum batch_purpose purpose, const char *sql,
		char *relids)
{
	if (relids != NULL && sql != NULL)
		batch_add(b, purpose, sql, &relids, 1);
	else
		batch_fail(b);
}

void
batch_add_look(struct batch *b, struct lookout_watch *watch)
{
	char *sql = holders_signed(b->set, holders_query());
	char *relids = watch != NULL
			   ? lookout_ask(watch, b->set, clock_now_ms())
			   : holders_param(b->set);

	b->watch = watch;
	batch_add_about(b, BATCH_HOLDERS, sql, relids);
	free(relids);
	free(sql);
}

void
batch_add_names(struct batch *b)
{
	char *relids = holders_param(b->set);

	batch_add_about(b, BATCH_NAMES, gate_names_query(), relids);
	free(relids);
}

void
batch_add_own_names(struct batch *b)
{
	batch_add(b, BATCH_NAMES, gate_names_own_query(), NULL, 0);
}

void
batch_add_snapshot(struct batch *b)
{
	batch_add(b, BATCH_SNAPSHOT, snapshot_query(), NULL, 0);
}

void
batch_add_clocks(struct batch *b, uint32_t server_version)
{
	size_t count = clocks_count(server_version);
	size_t i;

	assert(b->count == 0);
	for (i = 0; i < count; i++)
		batch_add(b, BATCH_CLOCK, clocks_query((enum clock_kind)i),
			  NULL, 0);
}

static void
free_params(char **params, size_t count)
{
	while (count > 0)
		free(params[--count]);
}

void
batch_add_repeatable(struct batch *b, const struct repeat *repeat,
		     bool only_catalogs)
{
	char *params[REPEATABLE_PARAMS];

	if (!repeatable_params(params, repeat, only_catalogs)) {
		batch_fail(b);
		return;
	}
	batch_add(b, BATCH_REPEATABLE, repeatable_query(), params,
		  REPEATABLE_PARAMS);
	free_params(params, REPEATABLE_PARAMS);
}

void
batch_add_glance(struct batch *b, const struct statement *statements,
		 size_t count)
{
	char *params[GLANCE_PARAMS];

	if (!glance_params(params, statements, count)) {
		batch_fail(b);
		return;
	}
	batch_add(b, BATCH_GLANCE,
		  glance_query(glance_kind_of(statements, count)), params,
		  GLANCE_PARAMS);
	free_params(params, GLANCE_PARAMS);
}

void
batch_add_glance_names(struct batch *b, const struct statement *statements,
		       size_t count)
{
	char *params[GLANCE_PARAMS];

	if (!glance_params(params, statements, count)) {
		batch_fail(b);
		return;
	}
	batch_add(b, BATCH_SETTING,
		  glance_names_query(glance_kind_of(statements, count)), params,
		  GLANCE_PARAMS);
	free_params(params, GLANCE_PARAMS);
}

void
batch_add_as_before(struct batch *b, struct assumption *a, char *lock_timeout)
{
	char before[GLANCE_BEFORE_MAX];
	char *params[AS_BEFORE_PARAMS] = {before, a->application_name,
					  lock_timeout};

	glance_print_before(before, &a->glance);
	batch_add(b, BATCH_SETTING, as_before_query(), params,
		  AS_BEFORE_PARAMS);
}

void
batch_add_unset(struct batch *b, struct assumption *a)
{
	char *params[AS_BEFORE_UNSET_PARAMS] = {a->application_name};

	batch_add(b, BATCH_SETTING, as_before_unset_query(), params,
		  AS_BEFORE_UNSET_PARAMS);
}

static void
batch_add_small(struct batch *b, const struct statement *statements,
		size_t count)
{
	char *params[SMALL_SET_PARAMS];
	char *sql;

	if (!small_set_params(params, statements, count)) {
		batch_fail(b);
		return;
	}
	sql = small_set_query(statements, count);
	if (sql != NULL)
		batch_add(b, BATCH_SMALL, sql, params, SMALL_SET_PARAMS);
	else
		batch_fail(b);
	free(sql);
	free_params(params, SMALL_SET_PARAMS);
}

/* Add a question about what the statements name. */
static void
batch_add_about_targets(struct batch *b, enum batch_purpose purpose,
			const char *sql, const struct statement *statements,
			size_t count)
{
	char *params[LOCK_SET_PARAMS];

	if (sql == NULL || !lock_set_params(params, statements, count)) {
		batch_fail(b);
		return;
	}
	batch_add(b, purpose, sql, params, LOCK_SET_PARAMS);
	free_params(params, LOCK_SET_PARAMS);
}

static void
batch_add_large(struct batch *b, const struct statement *statements,
		size_t count)
{
	char *sql = lock_set_query(statements, count);

	batch_add_about_targets(b, BATCH_PLAN, sql, statements, count);
	free(sql);
}

void
batch_add_keys(struct batch *b, const struct statement *statements,
	       size_t count)
{
	batch_add_about_targets(b, BATCH_KEYS, drop_keys_query(), statements,
				count);
}

void
batch_add_plan(struct batch *b, const struct statement *statements,
	       size_t count, bool asks_all)
{
	if (!asks_all && small_set_may_do(statements, count))
		batch_add_small(b, statements, count);
	else
		batch_add_large(b, statements, count);
}

/* Behind a look it is what others see of the session. */
static void
batch_add_restore(struct batch *b)
{
	const char *sql = plain_settings_restore();
	bool is_look =
	    b->count > 0 && b->purposes[b->count - 1] == BATCH_HOLDERS;
	char *look = is_look ? holders_signed(b->set, sql) : NULL;

	if (is_look && look == NULL)
		batch_fail(b);
	else
		batch_add(b, BATCH_SETTING, is_look ? look : sql, NULL, 0);
	free(look);
}

bool
batch_send(struct batch *b, bool ends_cycle)
{
	if (b->restores)
		batch_add_restore(b);
	if (b->last != NULL)
		batch_add_command(b, b->last);
	if (ends_cycle)
		inject_sync(&b->injection);
	else
		inject_flush(&b->injection);
	return inject_send(&b->injection);
}

/* The small question has no answer where one row of it says so. */
static bool
batch_take_small(struct batch *b, const struct row_value *values)
{
	bool is_simple = true;
	bool is_read = small_set_add_row(&b->planned, &is_simple, values);

	b->is_too_small |= !is_simple;
	return is_read;
}

/* Read a row of `count` columns.  False: it has another shape. */
static bool
batch_read_row(struct row_value values[COLUMNS_MAX], size_t count,
	       struct span body)
{
	struct span columns[COLUMNS_MAX];
	size_t i;

	if (!data_row_decode(columns, count, body))
		return false;
	for (i = 0; i < count; i++) {
		values[i].data = (const char *)columns[i].data;
		values[i].len = columns[i].len;
	}
	return true;
}

static bool
batch_take_holder(struct batch *b, const struct row_value v[HOLDERS_COLUMNS])
{
	if (b->watch != NULL)
		lookout_add_row(b->watch, v);
	return holders_add_row(&b->holders, b->set, v);
}

static bool
batch_take_facts(struct batch *b, const struct row_value *values)
{
	held_clear(&b->held);
	b->has_facts = session_facts_read(&b->facts, values) &&
		       held_read(&b->held, values[SESSION_FACTS_HELD]);
	return b->has_facts;
}

/* Take a row of one column. */
static bool
batch_take_value(struct batch *b, struct row_value value)
{
	switch (b->purposes[b->done]) {
	case BATCH_ISOLATION:
		b->keeps_snapshot = session_isolation_keeps(value);
		return true;
	case BATCH_KEEPS:
		b->keeps_nothing = session_keeps_nothing(value);
		return true;
	case BATCH_SNAPSHOT:
		snapshot_read(&b->snapshot, value);
		return true;
	default:
		return clocks_read(&b->clocks, (enum clock_kind)b->done, value);
	}
}

static bool
batch_take_row(struct batch *b, struct span body)
{
	struct row_value v[COLUMNS_MAX];

	switch (b->purposes[b->done]) {
	case BATCH_COMMAND:
	case BATCH_ATTEMPT:
		return false;
	case BATCH_PLAIN:
		return batch_read_row(v, PLAIN_SETTINGS_COLUMNS, body) &&
		       plain_settings_read(&b->has_own_settings, v);
	case BATCH_SETTING:
		return true;
	case BATCH_REPEATABLE:
		b->has_repeatable =
		    batch_read_row(v, REPEATABLE_COLUMNS, body) &&
		    repeatable_read(&b->repeatable, v);
		return b->has_repeatable;
	case BATCH_FACTS:
		return batch_read_row(v, SESSION_FACTS_COLUMNS, body) &&
		       batch_take_facts(b, v);
	case BATCH_GLANCE:
		b->has_glance = batch_read_row(v, GLANCE_COLUMNS, body) &&
				glance_read(&b->glance, v);
		return b->has_glance;
	case BATCH_OVERRIDES:
		return batch_read_row(v, OVERRIDES_COLUMNS, body) &&
		       overrides_read(&b->overrides, v);
	case BATCH_ISOLATION:
	case BATCH_KEEPS:
	case BATCH_CLOCK:
	case BATCH_SNAPSHOT:
		return batch_read_row(v, 1, body) && batch_take_value(b, v[0]);
	case BATCH_KEYS:
		return batch_read_row(v, DROP_KEYS_COLUMNS, body) &&
		       drop_keys_add_row(&b->keys, v);
	case BATCH_PLAN:
		return batch_read_row(v, LOCK_SET_COLUMNS, body) &&
		       lock_set_add_row(&b->planned, v);
	case BATCH_SMALL:
		return batch_read_row(v, SMALL_SET_COLUMNS, body) &&
		       batch_take_small(b, v);
	case BATCH_HOLDERS:
		return batch_read_row(v, HOLDERS_COLUMNS, body) &&
		       batch_take_holder(b, v);
	case BATCH_NAMES:
		return batch_read_row(v, GATE_NAMES_COLUMNS, body) &&
		       gate_names_add_row(&b->names, v);
	}
	return false;
}

/* Note the statements that stay where a message of this type has failed. */
static void
batch_note_strays(struct batch *b, uint8_t entry)
{
	struct guarded *g = b->injection.guarded;

	if (b->done == b->count)
		return;
	if (entry == FRONTEND_BIND)
		g->stray_statement = b->statements[b->done];
	if (b->purposes[b->done] == BATCH_PLAIN)
		g->stray_prepared = b->plain_statement;
}

static void
batch_take_error(struct batch *b, uint8_t entry, struct frame frame,
		 struct span raw)
{
	struct error_fields f;

	batch_note_strays(b, entry);
	if (batch_has_error(b))
		return;
	write_bytes(&b->error, raw.data, raw.len);
	if (b->error.failed)
		pair_close(b->injection.guarded->pair, CLOSE_MEMORY, NULL);
	memcpy(b->sqlstate, "XX000", sizeof(b->sqlstate));
	if (!error_fields_decode(&f, frame.body))
		return;
	b->is_fatal = span_equals(f.severity, "FATAL") ||
		      span_equals(f.severity, "PANIC");
	if (f.sqlstate.len == 5)
		memcpy(b->sqlstate, f.sqlstate.data, 5);
}

/* Take the result of an attempt; a server may send other notices as well. */
static void
batch_take_notice(struct batch *b, struct frame frame)
{
	struct error_fields f;

	if (!error_fields_decode(&f, frame.body) ||
	    !span_equals(f.sqlstate, ATTEMPT_SQLSTATE))
		return;
	b->has_attempt = attempt_read(b->set, (const char *)f.message.data,
				      f.message.len, &b->attempt_index);
	attempt_read_rival(&b->rival, (const char *)f.detail.data,
			   f.detail.len);
}

bool
batch_answer(struct batch *b, const struct pipeline_event *event,
	     struct frame frame, struct span raw)
{
	if (event->verdict == PIPELINE_ASYNC &&
	    frame.type != BACKEND_NOTICE_RESPONSE)
		return false;
	switch (frame.type) {
	case BACKEND_NOTICE_RESPONSE:
		batch_take_notice(b, frame);
		break;
	case BACKEND_DATA_ROW:
		if (b->done >= b->count || !batch_take_row(b, frame.body))
			b->is_odd = true;
		break;
	case BACKEND_ERROR_RESPONSE:
		batch_take_error(b, event->entry, frame, raw);
		break;
	default:
		break;
	}
	if (event->completed && event->entry == FRONTEND_EXECUTE)
		b->done++;
	return true;
}

bool
batch_has_error(const struct batch *b)
{
	return b->sqlstate[0] != '\0';
}

void
batch_clear(struct batch *b)
{
	lock_set_clear(&b->planned);
	held_clear(&b->held);
	gate_names_clear(&b->names);
	drop_keys_clear(&b->keys);
	writer_clear(&b->injection.out);
	writer_clear(&b->error);
	memset(b, 0, sizeof(*b));
}
