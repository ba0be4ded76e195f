"""psql: each step is what a user or a script would ask of it.

    psql_client.py PSQL CONNINFO MODE STEP...

Mode is ON_ERROR_ROLLBACK, on or off: on, psql sets a savepoint before each
statement of a transaction.
"""

import os
import re
import signal
import subprocess
import sys
import time

import in_python

STATE = "select c_state()"
CANCEL_AFTER_S = 0.5
BOUND_S = 60


class Steps:
    def __init__(self, psql, conninfo, mode):
        self.start = [psql, "-XAtq", "-F", " ", "-v", "VERBOSITY=verbose",
                      "-v", f"ON_ERROR_ROLLBACK={mode}", "-d", conninfo]
        self.psql_version = subprocess.run(
            [psql, "--version"], capture_output=True, text=True, check=True
        ).stdout.split()[2]

    def run(self, *options, script=""):
        """What it said, errors included."""
        done = subprocess.run([*self.start, *options], input=script, text=True,
                              stdout=subprocess.PIPE, timeout=BOUND_S,
                              stderr=subprocess.STDOUT, check=False)
        return done.stdout.strip()

    def say(self, text, *options):
        return self.run(*options, "-c", text)

    def quiet_c(self):
        self.say("select fresh_c()")

    def state(self):
        return self.say(STATE)

    @staticmethod
    def sqlstates(told):
        return re.findall(r"ERROR:  ([0-9A-Z]{5}):", told)

    # -- steps

    def version(self):
        return self.psql_version

    def connect(self):
        return self.say("select current_user")

    def simple(self):
        told = self.run(script="select 1 as one, 'two' as two \\gdesc")
        assert told == "one integer\ntwo text", told
        return self.say("select 1 as one, 'two' as two")

    def prepared(self):
        told = self.run(script=f"prepare square as {in_python.SQUARE};"
                        + "".join(f"begin; execute square({i}); commit;"
                                  for i in (2, 3, 4)))
        return " ".join(told.split())

    def cursor(self):
        told = self.run("-v", "FETCH_COUNT=100",
                        script="select generate_series(1, 2000);")
        values = [int(value) for value in told.split()]
        return f"{len(values)} rows, sum {sum(values)}"

    def copy_in(self):
        self.run("-c", "\\copy copied from stdin", script=in_python.COPY_ROWS)
        told = self.say("select count(*), sum(id) from copied")
        return "%s rows, sum %s" % tuple(told.split())

    def copy_out(self):
        told = self.run("-c", "\\copy copied to stdout") + "\n"
        lines = told.count("\n")
        return f"{lines} lines, {len(told)} bytes"

    def copy_error(self):
        told = self.run(script="copy copied from stdin;\n"
                        + in_python.BAD_ROWS + "\\.\nselect 1;\n")
        return f"{' '.join(self.sqlstates(told))}, then {told[-1]}"

    def notify(self):
        """It looks for notifications after each statement."""
        told = self.run(script="listen told;\n"
                        "notify told, 'own';\n"
                        + "".join(f"\\! {self.shell(text)}\nselect 1;\n"
                                  for text in ("notify told, 'amid'",
                                               "notify told, 'idle'")))
        return " ".join(re.findall(r'payload "(amid|idle)"', told))

    def shell(self, text):
        return " ".join("'" + word.replace("'", "'\\''") + "'"
                        for word in [*self.start, "-c", text])

    def notice(self):
        self.quiet_c()
        told = self.run(script="begin; drop table table_a cascade; rollback;")
        return re.search(r"NOTICE:  00000: (.*)", told)[1]

    def canceled(self, text):
        process = subprocess.Popen([*self.start, "-c", text], text=True,
                                   stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        time.sleep(CANCEL_AFTER_S)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=BOUND_S)
        return " ".join(self.sqlstates(told))

    def cancel(self):
        told = self.canceled("select pg_sleep(60)")
        return f"{told}, then {self.say('select 1')}"

    def cancel_drop(self):
        self.quiet_c()
        holder = subprocess.Popen(self.start, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        holder.stdin.write("begin; select max(id) from table_a;\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "10\n"
        told = self.canceled("drop table table_c")
        holder.communicate()
        return f"{told}, then {self.state()}"

    def unique(self):
        told = self.say("insert into items values (2, 'one')")
        fields = dict(re.findall(r"^(DETAIL|CONSTRAINT NAME):  (.*)$", told,
                                 re.M))
        return (f"{self.sqlstates(told)[0]} {fields['CONSTRAINT NAME']} "
                f"{fields['DETAIL']}")

    def position(self, text):
        told = self.say(text)
        caret = re.search(r"^( *)\^$", told, re.M)[1]
        at = len(caret) - len("LINE 1: ") + 1
        return f"{self.sqlstates(told)[0]} at {at}"

    def syntax(self):
        return self.position("select * form items")

    def syntax_drop(self):
        return self.position("drop table if exits table_c")

    def missing_drop(self):
        self.quiet_c()
        told = self.say("drop table table_c, nosuch")
        found = re.search(r"ERROR:  (\w+): (.*)", told)
        return f"{found[1]} {found[2]}, then {self.state()}"

    def restrict_drop(self):
        self.quiet_c()
        told = self.say("drop table table_a")
        return (f"{self.sqlstates(told)[0]} "
                + re.search(r"DETAIL:  (.*)", told)[1])

    def transactions(self):
        insert = "insert into items values"
        told = self.run(script=f"""
            begin; {insert} (10, 'ten'); commit;
            begin; {insert} (11, 'eleven'); rollback;
            begin; {insert} (12, 'twelve');
            savepoint s; {insert} (13, 'thirteen'); rollback to s; commit;
            """)
        assert told == "", told
        return self.say("select string_agg(id::text, ' ' order by id) "
                        "from items where id between 10 and 13")

    def failed(self):
        told = self.run(script="begin; select 1 / 0; select 1; rollback; "
                        "select 1;")
        return f"{' '.join(self.sqlstates(told))}, then {told[-1]}"

    def drop(self):
        self.quiet_c()
        self.say(in_python.DROPS[0])
        return self.state()

    def drop_column(self):
        """-1: psql's own BEGIN and COMMIT around the file."""
        self.quiet_c()
        self.run("-1", "-f", "-", script=in_python.DROPS[1] + ";")
        return self.state()

    def drop_undone(self):
        self.quiet_c()
        self.run(script=f"begin; {in_python.DROPS[1]}; rollback;")
        return self.state()

    def drop_constraint(self):
        self.quiet_c()
        self.run("-1", "-f", "-", script=in_python.DROPS[2] + ";")
        return self.state()

    def drop_script(self):
        """-c sends its text as one message."""
        self.quiet_c()
        self.say("begin; drop table table_c; commit")
        return self.state()

    def round(self, i):
        form = i % 4
        if form in (1, 2):
            told = self.run("-1", "-f", "-", script=in_python.DROPS[form] + ";")
        elif form == 3:
            told = self.say("begin; drop table table_c; commit")
        else:
            told = self.say(in_python.DROPS[0])
        return (self.sqlstates(told) or ["done"])[0]

    def loaded(self, rounds):
        ended = []
        for i in range(int(rounds)):
            self.say("select make_c()")
            ended.append(self.round(i))
            self.say("select remove_c()")
        return in_python.counts_text(ended)


def main():
    _program, psql, conninfo, mode, *asked = sys.argv
    os.environ["PGOPTIONS"] = ""
    steps = Steps(psql, conninfo, mode)
    for step in asked:
        name, _colon, argument = step.partition(":")
        in_python.tell(name, getattr(steps, name)(*filter(None, [argument])))


main()
