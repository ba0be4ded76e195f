"""Somebody who is in a migration's way and waits for it: a cycle, by force.

It holds a table that the migration's next statement wants, and asks for one
that the migration has locked.  Only if the migration lets go it gets through,
and then it leaves.
"""

import wire
from scene import Asked, wait_for
from wire import Wire, errors


class Antagonist:
    """with: holds `held`, and waits for `wanted`, straight at the server.

    It holds the table in the first of the modes that it can have.  is_there
    tells whether it could: a table may be the migration's already.
    """

    def __init__(self, cluster, database, admin, held, wanted,
                 modes=("exclusive",)):
        self.session = Wire(cluster, database,
                            application_name="e2e_antagonist")
        self.asked = None
        self.is_there = any(self.hold(held, mode) for mode in modes)
        if not self.is_there:
            return
        self.asked = Asked(
            self.session,
            wire.query(f"lock table {wanted} in access share mode"),
            wire.query("commit"))
        wait_for(admin, "exists (select from pg_locks where pid = %s "
                 "and not granted)", self.session.pid)

    def hold(self, table, mode):
        trace = self.session.query(
            f"begin; lock table {table} in {mode} mode nowait")
        if errors(trace):
            self.session.query("rollback")
        return errors(trace) == []

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        try:
            if self.asked and kind is None:
                assert errors(self.asked.answer()) == []
        finally:
            self.session.close()
