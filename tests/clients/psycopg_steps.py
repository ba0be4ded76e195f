"""The steps that psycopg 2 and 3 take in the same way.

What differs is in their programs: open, execute, transaction, sqlstate.
"""

import threading

import in_python

STATE = "select c_state()"
CANCEL_AFTER_S = 0.5


class Steps:
    """Error is the driver's; autocommit tells its mode."""

    Error = None

    def __init__(self, conninfo, mode):
        self.conninfo = conninfo
        self.autocommit = mode == "autocommit"
        self.conn = self.open(self.autocommit)

    def open(self, autocommit):
        raise NotImplementedError

    def execute(self, *args):
        """The cursor."""
        raise NotImplementedError

    def transaction(self, undone=False):
        """A context: a transaction, or a savepoint within one."""
        raise NotImplementedError

    def notices(self):
        """What the server has said so far."""
        raise NotImplementedError

    def sqlstate(self, problem):
        return problem.diag.sqlstate

    def quick_drop(self, _i):
        """A DROP of table_c by itself."""
        self.execute(in_python.DROPS[0])

    # -- for the steps

    def end(self):
        if not self.autocommit:
            self.conn.commit()

    def value(self, *args):
        return self.execute(*args).fetchone()[0]

    def quiet_c(self):
        self.execute("select fresh_c()")
        self.end()

    def refusal(self, text, *args):
        try:
            self.execute(text, *args)
        except self.Error as problem:
            self.conn.rollback()
            return problem
        raise AssertionError(f"no error: {text}")

    # -- steps

    def connect(self):
        return self.value("select current_user")

    def simple(self):
        row = self.execute("select 1 as one, 'two' as two").fetchone()
        return "%s %s" % row

    def batch(self):
        cursor = self.conn.cursor()
        cursor.executemany("insert into batched values (%s)",
                           [[i] for i in range(1, 101)])
        cursor.execute("select count(*), sum(id) from batched")
        self.end()
        return "%s rows, sum %s" % cursor.fetchone()

    def notice(self):
        self.quiet_c()
        with self.transaction(undone=True):
            self.execute("drop table table_a cascade")
        return " ".join(self.notices())

    def canceled(self, text):
        timer = threading.Timer(CANCEL_AFTER_S, self.conn.cancel)
        timer.start()
        problem = self.refusal(text)
        timer.join()
        return self.sqlstate(problem)

    def cancel(self):
        told = self.canceled("select pg_sleep(60)")
        return f"{told}, then {self.value('select 1')}"

    def cancel_drop(self):
        self.quiet_c()
        holder = self.open(autocommit=False)
        holder.cursor().execute("select * from table_a")
        told = self.canceled("drop table table_c")
        holder.close()
        return f"{told}, then {self.value(STATE)}"

    def unique(self):
        diag = self.refusal("insert into items values (2, 'one')").diag
        return f"{diag.sqlstate} {diag.constraint_name} {diag.message_detail}"

    def position(self, text):
        diag = self.refusal(text).diag
        return f"{diag.sqlstate} at {diag.statement_position}"

    def syntax(self):
        return self.position("select * form items")

    def syntax_drop(self):
        return self.position("drop table if exits table_c")

    def missing_drop(self):
        self.quiet_c()
        diag = self.refusal("drop table table_c, nosuch").diag
        return (f"{diag.sqlstate} {diag.message_primary}, "
                f"then {self.value(STATE)}")

    def restrict_drop(self):
        self.quiet_c()
        diag = self.refusal("drop table table_a").diag
        return f"{diag.sqlstate} {diag.message_detail}"

    def transactions(self):
        insert = "insert into items values (%s::int, %s::text)"
        with self.transaction():
            self.execute(insert, [10, "ten"])
        with self.transaction(undone=True):
            self.execute(insert, [11, "eleven"])
        with self.transaction():
            self.execute(insert, [12, "twelve"])
            with self.transaction(undone=True):
                self.execute(insert, [13, "thirteen"])
        return self.value("select string_agg(id::text, ' ' order by id) "
                          "from items where id between 10 and 13")

    def failed(self):
        told = []
        with self.transaction(undone=True):
            for text in "select 1 / 0", "select 1":
                try:
                    self.execute(text)
                except self.Error as problem:
                    told.append(self.sqlstate(problem))
        return f"{' '.join(told)}, then {self.value('select 1')}"

    def drop(self):
        self.quiet_c()
        self.execute("drop table table_c")
        self.end()
        return self.value(STATE)

    def in_transaction(self, text, **kwargs):
        self.quiet_c()
        with self.transaction(**kwargs):
            self.execute(text)
        return self.value(STATE)

    def drop_column(self):
        return self.in_transaction(in_python.DROPS[1])

    def drop_undone(self):
        return self.in_transaction(in_python.DROPS[1], undone=True)

    def drop_constraint(self):
        return self.in_transaction(in_python.DROPS[2])

    def drop_script(self):
        self.quiet_c()
        self.execute("begin; drop table table_c; commit")
        return self.value(STATE)

    def loaded(self, rounds):
        ended = []
        for i in range(int(rounds)):
            self.execute("select make_c()")
            self.end()
            ended.append(self.round(i))
            self.execute("select remove_c()")
            self.end()
        return in_python.counts_text(ended)

    def round(self, i):
        try:
            if i % 3 == 0:
                self.quick_drop(i)
            else:
                with self.transaction():
                    self.execute(in_python.DROPS[i % 3])
            self.end()
            return "done"
        except self.Error as problem:
            self.conn.rollback()
            return self.sqlstate(problem)

    # -- the program

    def take(self, name, argument):
        try:
            outcome = getattr(self, name)(*filter(None, [argument]))
        except self.Error as problem:
            outcome = in_python.unexpected(problem)
            self.conn.rollback()
        self.end()
        return outcome


def main(steps_class):
    conninfo, mode, asked = in_python.arguments()
    steps = steps_class(conninfo, mode)
    for name, argument in asked:
        in_python.tell(name, steps.take(name, argument))
    steps.conn.close()
