/*
 * host_facts.h - what a server tells of itself as it lets a client in, and
 * whether that is what target_session_attrs asks for.
 *
 * Source: PostgreSQL documentation, "Asynchronous Operations": since PostgreSQL
 * 14 in_hot_standby and default_transaction_read_only are reported behind
 * AuthenticationOk.
 */
#ifndef LOCKSTEP_PROXY_SESSION_HOST_FACTS_H
#define LOCKSTEP_PROXY_SESSION_HOST_FACTS_H

#include <stdbool.h>

#include "protocol/span.h"
#include "proxy/config/hosts_settings.h"

enum {
	/* The bytes behind AuthenticationOk that are waited for; a server's
	 * reports take less than a tenth. */
	HOST_FACTS_MAX_BYTES = 64 * 1024,
};

enum host_fact {
	HOST_FACT_UNKNOWN, /* the server is older than 14, or a pooler */
	HOST_FACT_OFF,
	HOST_FACT_ON,
};

struct host_facts {
	enum host_fact in_hot_standby;
	enum host_fact is_read_only; /* default_transaction_read_only */
};

enum host_facts_status {
	HOST_FACTS_MORE,    /* the reports are not all there yet */
	HOST_FACTS_READ,    /* all that it will tell is in *out */
	HOST_FACTS_REFUSED, /* an error ends the login */
};

/* Note what one ParameterStatus tells, if it is about the host. */
void host_facts_note(struct host_facts *facts, struct span body);

/* Read the messages that follow AuthenticationOk, as far as they are there. */
enum host_facts_status host_facts_read(struct host_facts *out, struct span in);

enum host_fit {
	HOST_FITS,
	HOST_SAYS_NOTHING,
	HOST_IS_STANDBY,
	HOST_IS_PRIMARY,
	HOST_IS_READ_ONLY,
	HOST_IS_READ_WRITE,
};

/* Judge the facts, as libpq does; prefer-standby asks for a standby. */
enum host_fit host_facts_judge(const struct host_facts *facts,
			       enum session_attrs attrs);

/* In libpq's words, static. */
const char *host_fit_words(enum host_fit fit);

#endif
