"""A second server, which follows the first one by streaming replication."""
import subprocess
import time

from cluster import START_BOUND_S, Cluster


class Standby(Cluster):
    """A copy of a running Cluster, by pg_basebackup."""

    def __init__(self, primary):
        super().__init__(primary.pg_bin, {"log_connections": "on"})
        self.primary = primary

    def _make(self):
        process = self._popen(
            "pg_basebackup", "-D", self.data, "-R", "--no-sync", "-c", "fast",
            "-h", self.primary.host, "-p", str(self.primary.port),
            "-U", "postgres", stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        output, _ = process.communicate()
        if process.returncode != 0:
            raise RuntimeError("pg_basebackup failed:\n" + output)

    def _ask(self, sql):
        with self.connect() as admin:
            return admin.execute(sql).fetchone()[0]

    def follow(self):
        """Until it has all that the primary has.

        Where commits are asynchronous, the last of them may not have been
        written yet: one that is not asynchronous takes them along.
        """
        with self.primary.connect() as admin:
            admin.execute("set synchronous_commit = on")
            admin.execute("select pg_logical_emit_message(true, '', '')")
            end = admin.execute("select pg_current_wal_flush_lsn()"
                                ).fetchone()[0]
        deadline = time.monotonic() + START_BOUND_S
        while not self._ask("select coalesce(pg_last_wal_replay_lsn() >= "
                            f"'{end}'::pg_lsn, false)"):
            assert time.monotonic() < deadline, "it does not follow"
            time.sleep(0.02)
        return self

    def promote(self):
        assert self._ask(f"select pg_promote(true, {START_BOUND_S})")
