"""How much of the same is tried: what is usual shows it, LOCKSTEP_LONG=1 (the
tests of label long) tries harder."""

import os


def effort(usual, long):
    return long if os.environ.get("LOCKSTEP_LONG") else usual
