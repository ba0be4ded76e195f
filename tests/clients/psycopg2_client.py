"""psycopg2.  Mode: autocommit, or transactions (its own default)."""

import contextlib
import functools
import io
import select
import time

import psycopg2
import psycopg2.extensions

import in_python
import psycopg_steps

NOTIFY_BOUND_S = 10


class Steps(psycopg_steps.Steps):
    Error = psycopg2.Error

    def __init__(self, conninfo, mode):
        super().__init__(conninfo, mode)
        self.depth = 0

    def open(self, autocommit):
        conn = psycopg2.connect(self.conninfo)
        conn.autocommit = autocommit
        return conn

    def execute(self, *args):
        cursor = self.conn.cursor()
        cursor.execute(*args)
        return cursor

    @contextlib.contextmanager
    def transaction(self, undone=False):
        """psycopg2 knows no savepoints, and autocommit no transactions."""
        begin, commit, rollback = self.bounds()
        begin()
        self.depth += 1
        try:
            yield
            (rollback if undone else commit)()
        except psycopg2.Error:
            rollback()
            raise
        finally:
            self.depth -= 1

    def bounds(self):
        if not self.depth and not self.autocommit:
            return lambda: None, self.conn.commit, self.conn.rollback
        texts = (("savepoint s", "release savepoint s",
                  "rollback to savepoint s") if self.depth
                 else ("begin", "commit", "rollback"))
        return [functools.partial(self.execute, text) for text in texts]

    def notices(self):
        return [text.split(":", 1)[1].strip() for text in self.conn.notices]

    # -- steps

    def version(self):
        libpq = psycopg2.extensions.libpq_version()
        return (f"{psycopg2.__version__.split()[0]}, "
                f"libpq {libpq // 10000}.{libpq % 10000}")

    def prepared(self):
        """By SQL: it has no statements of its own."""
        values = []
        self.execute("prepare square as " + in_python.SQUARE)
        self.end()
        for i in 2, 3, 4:
            values.append(self.value("execute square(%s)", [i]))
            self.end()
        return " ".join(map(str, values))

    def parameters(self):
        row = self.execute(
            "select %s::int4, %s::text, %s::text, %s::bytea, %s::int4[]",
            [42, "Zoë's \"x\\y\"", None, b"\x00\xff\x27", [1, None, 3]]
        ).fetchone()
        return in_python.parameters_text(*row)

    def cursor(self):
        conn = self.open(autocommit=False)
        with conn.cursor("c") as cursor:
            cursor.itersize = 100
            cursor.execute("select generate_series(1, 2000)")
            values = [row[0] for row in cursor]
        conn.close()
        return f"{len(values)} rows, sum {sum(values)}"

    def copy_in(self):
        self.conn.cursor().copy_expert("copy copied from stdin",
                                       io.StringIO(in_python.COPY_ROWS))
        row = self.execute("select count(*), sum(id) from copied").fetchone()
        return "%s rows, sum %s" % row

    def copy_out(self):
        out = io.BytesIO()
        self.conn.cursor().copy_expert("copy copied to stdout", out)
        data = out.getvalue()
        lines = data.count(b"\n")
        return f"{lines} lines, {len(data)} bytes"

    def copy_error(self):
        try:
            self.conn.cursor().copy_expert("copy copied from stdin",
                                           io.StringIO(in_python.BAD_ROWS))
        except psycopg2.Error as problem:
            self.conn.rollback()
            return f"{problem.pgcode}, then {self.value('select 1')}"

    def notify(self):
        heard = self.conn.notifies
        self.execute("listen told")
        self.end()
        other = self.open(autocommit=True)
        other.cursor().execute("notify told, 'amid'")
        deadline = time.monotonic() + NOTIFY_BOUND_S
        while not heard and time.monotonic() < deadline:
            self.value("select 1")
            self.end()
        other.cursor().execute("notify told, 'idle'")
        select.select([self.conn], [], [], NOTIFY_BOUND_S)
        self.conn.poll()
        other.close()
        self.execute("unlisten told")
        return " ".join(notify.payload for notify in heard)


psycopg_steps.main(Steps)
