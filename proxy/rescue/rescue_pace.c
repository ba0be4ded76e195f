#include "proxy/rescue/rescue_pace.h"

void
rescue_pace_looked(struct rescue_pace *p, bool is_of_use, bool is_shut,
		   uint64_t now_ms)
{
	if (!is_of_use) {
		if (p->paid_ms < now_ms)
			p->paid_ms = now_ms;
		p->paid_ms += RESCUE_PRICE_MS;
	}
	p->next_ms =
	    now_ms + (is_shut ? RESCUE_SHUT_PAUSE_MS : RESCUE_PAUSE_MS);
	if (!is_of_use && p->paid_ms > p->next_ms + RESCUE_CREDIT_MS)
		p->next_ms = p->paid_ms - RESCUE_CREDIT_MS;
}
