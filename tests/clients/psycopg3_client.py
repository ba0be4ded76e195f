"""psycopg 3.  Mode: autocommit, or transactions (its own default)."""

import logging
import time

import psycopg
from psycopg import pq

import in_python
import psycopg_steps

NOTIFY_BOUND_S = 10


class Steps(psycopg_steps.Steps):
    Error = psycopg.Error

    def __init__(self, conninfo, mode):
        super().__init__(conninfo, mode)
        self.heard = []
        self.conn.add_notice_handler(
            lambda diag: self.heard.append(diag.message_primary))

    def open(self, autocommit):
        return psycopg.connect(self.conninfo, autocommit=autocommit)

    def execute(self, *args, **kwargs):
        return self.conn.execute(*args, **kwargs)

    def transaction(self, undone=False):
        return self.conn.transaction(force_rollback=undone)

    def notices(self):
        return self.heard

    def quick_drop(self, i):
        self.execute(in_python.DROPS[0], prepare=i % 2 == 1)

    # -- steps

    def version(self):
        libpq = pq.version()
        return (f"{psycopg.__version__}, "
                f"libpq {libpq // 10000}.{libpq % 10000}")

    def prepared(self):
        values = []
        for i in 2, 3, 4:
            values.append(self.execute("select %s::int * %s::int", [i, i],
                                       prepare=True).fetchone()[0])
            self.end()
        assert self.value("select count(*) from pg_prepared_statements") == 1
        return " ".join(map(str, values))

    def parameters(self):
        query = "select %s::int4, %s::text, %s::text, %s::bytea, %s::int4[]"
        values = [42, "Zoë's \"x\\y\"", None, b"\x00\xff\x27", [1, None, 3]]
        text = self.execute(query, values).fetchone()
        cursor = self.conn.cursor(binary=True)
        assert cursor.execute(query, values).fetchone() == text
        return in_python.parameters_text(*text)

    def cursor(self):
        with self.transaction(), self.conn.cursor("c") as cursor:
            cursor.itersize = 100
            cursor.execute("select generate_series(1, 2000)")
            values = [row[0] for row in cursor]
        return f"{len(values)} rows, sum {sum(values)}"

    def copy_in(self):
        with self.conn.cursor().copy("copy copied from stdin") as copy:
            copy.write(in_python.COPY_ROWS)
        row = self.execute("select count(*), sum(id) from copied").fetchone()
        return "%s rows, sum %s" % row

    def copy_out(self):
        with self.conn.cursor().copy("copy copied to stdout") as copy:
            data = b"".join(copy)
        lines = data.count(b"\n")
        return f"{lines} lines, {len(data)} bytes"

    def copy_error(self):
        try:
            with self.conn.cursor().copy("copy copied from stdin") as copy:
                copy.write(in_python.BAD_ROWS)
        except psycopg.Error as problem:
            self.conn.rollback()
            return f"{problem.sqlstate}, then {self.value('select 1')}"

    def pipeline(self):
        with self.conn.pipeline():
            cursors = [self.execute("select %s::int", [i]) for i in (1, 2, 3)]
        values = [cursor.fetchone()[0] for cursor in cursors]
        told = " ".join(map(str, values)) + ";"
        cursors = []
        try:
            with self.conn.pipeline():
                for text in "select 1", "select 1 / 0", "select 3":
                    cursors.append(self.execute(text))
        except psycopg.errors.DivisionByZero as problem:
            told += f" {cursors[0].fetchone()[0]} {problem.sqlstate}"
        # Where the error is already in, the third is refused at once.
        if len(cursors) < 3 or cursors[2].description is None:
            told += " aborted;"
        self.conn.rollback()
        return f"{told} {self.value('select 4')}"

    def pipeline_drop(self):
        self.quiet_c()
        with self.conn.pipeline():
            self.execute("insert into items values (20, 'twenty')")
            self.execute("drop table table_c")
            cursor = self.execute(psycopg_steps.STATE)
        return cursor.fetchone()[0]

    def notify(self):
        heard = []
        self.conn.add_notify_handler(lambda n: heard.append(n.payload))
        self.execute("listen told")
        self.end()
        with self.open(autocommit=True) as other:
            other.execute("notify told, 'amid'")
            deadline = time.monotonic() + NOTIFY_BOUND_S
            while not heard and time.monotonic() < deadline:
                self.value("select 1")
                self.end()
            other.execute("notify told, 'idle'")
            heard.append(next(self.conn.notifies()).payload)
        self.execute("unlisten told")
        return " ".join(heard)

    def drop_prepared(self):
        told = []
        self.execute("select fresh_c()")
        for _ in range(2):
            self.execute("drop table table_c", prepare=True)
            self.end()
            told.append(self.value(psycopg_steps.STATE))
            self.execute("select make_c()")
            self.end()
        return " ".join(told)


# It logs what goes wrong at the end of a pipeline that is aborted anyway.
logging.disable()
psycopg_steps.main(Steps)
