/*
 * login_host.c - target_session_attrs: is the host that lets a client in one
 * that it may have?
 *
 * The server tells so in the messages behind AuthenticationOk.  They are read
 * ahead, and until all of them are there the client gets none: from a host that
 * does not fit it has heard nothing but questions for its password.  If it has
 * not even been asked, another host is dialled.  Else nobody but the client
 * could log in there: it gets 57P03, and its next login another host first.
 */
#include <stdio.h>

#include "proxy/base/clock.h"
#include "proxy/session/host_facts.h"
#include "proxy/session/login_state.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"

static enum session_attrs
login_attrs(const struct session *s)
{
	return pair_config(&s->pair)->upstream_hosts.attrs;
}

struct misfits_view
login_misfits(const struct session *s)
{
	struct misfits *all = &s->pair.daemon->misfits;

	return misfits_view_of(login_attrs(s) == SESSION_ATTRS_ANY ? NULL : all,
			       login_attrs(s), s->pair.user, s->pair.database);
}

bool
login_wants_one_host(const struct session *s)
{
	return login_attrs(s) == SESSION_ATTRS_READ_WRITE ||
	       login_attrs(s) == SESSION_ATTRS_PRIMARY;
}

static bool
login_wants_standby(const struct session *s)
{
	return login_attrs(s) == SESSION_ATTRS_STANDBY ||
	       login_attrs(s) == SESSION_ATTRS_PREFER_STANDBY;
}

void
login_note_report(const struct session *s, struct span body)
{
	struct host_facts facts = {HOST_FACT_UNKNOWN, HOST_FACT_UNKNOWN};
	struct misfits_view v = login_misfits(s);

	host_facts_note(&facts, body);
	if (facts.in_hot_standby == HOST_FACT_OFF && login_wants_standby(s))
		misfits_add(&v, MISFIT_IS_PRIMARY, &s->pair.server_address);
}

/* Other logins are to try that host last, or, if it fits, in its turn. */
static void
login_note_fit(const struct session *s, enum host_fit fit)
{
	const struct address *host = &s->pair.server_address;
	struct misfits_view v = login_misfits(s);

	switch (fit) {
	case HOST_FITS:
		misfits_remove(&v, host);
		break;
	case HOST_SAYS_NOTHING:
	case HOST_IS_STANDBY:
		misfits_add(&v, MISFIT_IS_OTHER, host);
		break;
	case HOST_IS_PRIMARY:
	case HOST_IS_READ_WRITE:
		misfits_add(&v, MISFIT_IS_PRIMARY, host);
		break;
	case HOST_IS_READ_ONLY:
		/* They may be the reason, and no other client has them. */
		if (!s->has_options)
			misfits_add(&v, MISFIT_BY_SETTING, host);
		break;
	}
}

/* Have a host that is not preferred tried again behind all others.  False: all
 * others have been tried, or cannot be. */
static bool
login_puts_off(struct session *s)
{
	return login_can_choose(s) && dial_put_behind(s->dial);
}

static void
login_refuse_host(struct session *s, enum host_fit fit)
{
	char where[ADDRESS_TEXT_MAX];
	char detail[ADDRESS_TEXT_MAX + 160];

	address_text(&s->pair.server_address, where);
	snprintf(detail, sizeof(detail),
		 "%s is not what upstream asks for by target_session_attrs=%s: "
		 "%s.",
		 where, session_attrs_names[login_attrs(s)],
		 host_fit_words(fit));
	pair_close_saying(&s->pair, CLOSE_UNFIT, host_fit_words(fit), detail,
			  s->login->had_choice
			      ? "Connect again: the upstream's other hosts are "
				"tried first then."
			      : NULL);
}

/* The last host does not fit.  True: the client, which has heard nothing of
 * any, waits for one. */
static bool
login_waits_for_host(struct session *s, enum host_fit fit)
{
	if (s->dial == NULL || !login_can_wait(s))
		return false;
	login_hang_up(s);
	login_wait(s, host_fit_words(fit));
	return true;
}

static enum login_verdict
login_judge_fit(struct session *s, enum host_fit fit)
{
	bool is_preference = login_attrs(s) == SESSION_ATTRS_PREFER_STANDBY;

	login_note_fit(s, fit);
	if (fit == HOST_FITS || (is_preference && !login_puts_off(s))) {
		counts_note_reached(s->pair.counts, clock_now_ms());
		return LOGIN_PASS;
	}
	/* Whatever was refused before: this one has let the client in. */
	buffer_clear(&s->login->refusal);
	if (login_can_choose(s))
		login_dial_next(s, host_fit_words(fit));
	else if (!login_waits_for_host(s, fit))
		login_refuse_host(s, fit);
	return LOGIN_TAKE;
}

enum login_verdict
login_judge_host(struct session *s, struct span ahead)
{
	struct host_facts facts;

	if (login_attrs(s) == SESSION_ATTRS_ANY)
		return LOGIN_PASS;
	switch (host_facts_read(&facts, ahead)) {
	case HOST_FACTS_MORE:
		return LOGIN_WAIT;
	case HOST_FACTS_REFUSED:
		return LOGIN_PASS;
	case HOST_FACTS_READ:
		break;
	}
	return login_judge_fit(s, host_facts_judge(&facts, login_attrs(s)));
}
