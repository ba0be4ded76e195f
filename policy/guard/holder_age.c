#include "policy/guard/holder_age.h"

uint64_t
holder_age_since(const struct holder_age *a, uint64_t transaction,
		 uint64_t now_ms)
{
	size_t i;

	for (i = 0; i < a->seen_count; i++)
		if (a->seen[i].transaction == transaction)
			return a->seen[i].since_ms;
	return now_ms;
}

uint64_t
holder_age_oldest(struct holder_age *a, const struct holders *holders,
		  uint64_t now_ms)
{
	struct holder_age now = {.seen_count = holders->untold_count};
	uint64_t oldest_ms = holders->oldest_ms;
	size_t i;

	for (i = 0; i < now.seen_count; i++) {
		uint64_t since_ms =
		    holder_age_since(a, holders->untold[i], now_ms);

		now.seen[i].transaction = holders->untold[i];
		now.seen[i].since_ms = since_ms;
		if (now_ms - since_ms > oldest_ms)
			oldest_ms = now_ms - since_ms;
	}
	*a = now;
	return oldest_ms;
}
