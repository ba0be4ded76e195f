"""The comparisons of test_differential.py in all the variants that take time.

Each script with the guarded statement in its other form, sent byte by byte to
a reader that takes one byte at a time; and in two packets, cut at every byte.
"""

import pytest

from differential import DELIVERIES, Delivery, assert_same, place, play
from differential_scripts import SCRIPTS
from test_differential import PREPARED
from test_differential import admin  # noqa: F401  the same database

BOTH = Delivery("byte", trickles=True)
STRIDE = 7


@pytest.mark.parametrize("where", [where for where in PREPARED if where])
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_other_form_equals_direct(direct, lockstep, admin, name, where):
    if not SCRIPTS[name].can_stand(where):
        pytest.skip("there is no such place")
    steps = place(SCRIPTS[name], where, not PREPARED[where])
    expected = play(direct, admin, steps, DELIVERIES["packet"])
    for delivery in DELIVERIES["packet"], BOTH:
        assert_same(expected, play(lockstep, admin, steps, delivery), False)


# One of each kind: many are cut at the same places.
CUT = {
    "named": 1, "error within a pipeline": STRIDE,
    "a Query is skipped after an error": 1, "function call": 1,
    "each answer awaited by Flush": 1, "copy in a pipeline": STRIDE,
    "copy extended in, Sync and Flush in the midst": 1,
    "a portal resumed over Syncs in a block": 1, "a Query amid a cycle": 1,
    "copy with Sync and Flush, all in a packet": 1,
}


@pytest.mark.parametrize("name", CUT)
def test_cut_at_every_byte_equals_direct(direct, lockstep, admin, name):
    steps = place(SCRIPTS[name], "amid")
    expected = play(direct, admin, steps, DELIVERIES["packet"])
    longest = max(len(b"".join(step.messages)) for step in steps)
    for cut in range(1, longest, CUT[name]):
        assert_same(expected, play(lockstep, admin, steps, Delivery(cut=cut)),
                    False)
