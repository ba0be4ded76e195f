#include "proxy/session/host_facts.h"

#include "protocol/backend.h"
#include "protocol/frame.h"
#include "protocol/types.h"

static enum host_fact
host_fact_of(struct span value)
{
	if (span_equals(value, "on"))
		return HOST_FACT_ON;
	return span_equals(value, "off") ? HOST_FACT_OFF : HOST_FACT_UNKNOWN;
}

void
host_facts_note(struct host_facts *facts, struct span body)
{
	struct parameter_status s;

	if (!parameter_status_decode(&s, body))
		return;
	if (span_equals(s.name, "in_hot_standby"))
		facts->in_hot_standby = host_fact_of(s.value);
	if (span_equals(s.name, "default_transaction_read_only"))
		facts->is_read_only = host_fact_of(s.value);
}

/* A server reports first, and then gives its key; a pooler may give none. */
enum host_facts_status
host_facts_read(struct host_facts *out, struct span in)
{
	struct span rest = in;
	enum frame_status status;
	struct frame f;

	*out = (struct host_facts){HOST_FACT_UNKNOWN, HOST_FACT_UNKNOWN};
	while ((status = frame_next(&f, &rest, HOST_FACTS_MAX_BYTES)) ==
	       FRAME_OK) {
		switch (f.type) {
		case BACKEND_PARAMETER_STATUS:
			host_facts_note(out, f.body);
			break;
		case BACKEND_KEY_DATA:
		case BACKEND_READY_FOR_QUERY:
			return HOST_FACTS_READ;
		case BACKEND_ERROR_RESPONSE:
			return HOST_FACTS_REFUSED;
		default:
			break;
		}
	}
	return status == FRAME_MORE && in.len < HOST_FACTS_MAX_BYTES
		   ? HOST_FACTS_MORE
		   : HOST_FACTS_READ;
}

static enum host_fit
host_facts_judge_session(const struct host_facts *facts, bool is_to_write)
{
	bool is_standby = facts->in_hot_standby == HOST_FACT_ON;
	bool is_read_only = is_standby || facts->is_read_only == HOST_FACT_ON;

	if (facts->in_hot_standby == HOST_FACT_UNKNOWN ||
	    facts->is_read_only == HOST_FACT_UNKNOWN)
		return HOST_SAYS_NOTHING;
	if (is_to_write != is_read_only)
		return HOST_FITS;
	if (!is_to_write)
		return HOST_IS_READ_WRITE;
	return is_standby ? HOST_IS_STANDBY : HOST_IS_READ_ONLY;
}

static enum host_fit
host_facts_judge_host(const struct host_facts *facts, bool is_to_lead)
{
	switch (facts->in_hot_standby) {
	case HOST_FACT_ON:
		return is_to_lead ? HOST_IS_STANDBY : HOST_FITS;
	case HOST_FACT_OFF:
		return is_to_lead ? HOST_FITS : HOST_IS_PRIMARY;
	case HOST_FACT_UNKNOWN:
		break;
	}
	return HOST_SAYS_NOTHING;
}

enum host_fit
host_facts_judge(const struct host_facts *facts, enum session_attrs attrs)
{
	switch (attrs) {
	case SESSION_ATTRS_ANY:
		break;
	case SESSION_ATTRS_READ_WRITE:
	case SESSION_ATTRS_READ_ONLY:
		return host_facts_judge_session(
		    facts, attrs == SESSION_ATTRS_READ_WRITE);
	case SESSION_ATTRS_PRIMARY:
	case SESSION_ATTRS_STANDBY:
	case SESSION_ATTRS_PREFER_STANDBY:
		return host_facts_judge_host(facts,
					     attrs == SESSION_ATTRS_PRIMARY);
	}
	return HOST_FITS;
}

const char *
host_fit_words(enum host_fit fit)
{
	static const char *const words[] = {
	    [HOST_FITS] = "it fits",
	    [HOST_SAYS_NOTHING] = "server does not report in_hot_standby",
	    [HOST_IS_STANDBY] = "server is in hot standby mode",
	    [HOST_IS_PRIMARY] = "server is not in hot standby mode",
	    [HOST_IS_READ_ONLY] = "session is read-only",
	    [HOST_IS_READ_WRITE] = "session is not read-only",
	};

	return words[fit];
}
