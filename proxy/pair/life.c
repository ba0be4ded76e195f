#include "proxy/pair/life.h"

const char *const session_state_names[SESSION_STATES] = {
#define X(constant, name) [SESSION_##constant] = (name),
    SESSION_LIFE(X)
#undef X
};
