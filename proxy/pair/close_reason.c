#include "proxy/pair/close_reason.h"

#include <stddef.h>

const struct close_reason_row close_reasons[CLOSE_REASON_COUNT] = {
#define X(id, name, is_error, early, late, message)                            \
	[CLOSE_##id] = {name, is_error, early, late, message},
    CLOSE_REASONS(X)
#undef X
};
