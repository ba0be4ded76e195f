/*
 * exchange_settings.c - the settings in force for the statement, as its plan or
 * its glance has found those of the session.
 */
#include <string.h>

#include "proxy/config/guard_settings.h"
#include "proxy/guard/exchange_start.h"
#include "proxy/guard/exchange_state.h"

static void
exchange_warn(void *arg, const char *text)
{
	const struct exchange *x = arg;
	const struct batch *b = &x->batch;

	guard_log_warn(x->pair, text,
		       b->has_glance ? b->glance.wants_warnings
				     : b->facts.wants_warnings);
}

/* The client's address, or "local". */
static void
exchange_read_client(const struct exchange *x, char out[ADDRESS_HOST_MAX])
{
	struct address a;
	uint16_t port;

	(void)pair_origin(x->pair, &a);
	if (!address_split(&a, out, &port))
		memcpy(out, "local", sizeof("local"));
}

bool
exchange_choose_settings(struct exchange *x)
{
	struct pair *p = x->pair;
	char client[ADDRESS_HOST_MAX] = "";
	bool is_again = x->steps.begun_ms > 0 || x->has_warned;
	struct rule_subject subject = {
	    .database = p->database,
	    .user = p->user,
	    .application_name = x->batch.overrides.application_name,
	    .client = client,
	    .tag = x->log.statement,
	    .set = &x->batch.planned,
	};

	row_copy_cut(x->application_name, sizeof(x->application_name),
		     (struct row_value){subject.application_name,
					strlen(subject.application_name)});
	if (pair_config(p)->rule_count > 0)
		exchange_read_client(x, client);
	guard_settings_clear(&x->settings);
	x->has_warned = true;
	/* Warn once, however often the statement is planned. */
	if (!guard_settings_choose(&x->settings, pair_config(p), &subject,
				   &x->batch.overrides,
				   is_again ? NULL : exchange_warn, x))
		return false;
	if (exchange_is_unknown(x))
		settings_fit_unknown(&x->settings);
	return true;
}
