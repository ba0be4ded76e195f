"""lockstep explain: what it tells, and that it locks nothing to tell it."""

import json
import os
import re
import socket
import subprocess
import time

import psycopg
import pytest

import hostile_schema
import program
import proxy
import wire

pytestmark = pytest.mark.needs_lockstep

KEYS = {"statement", "guarded", "policy", "locks", "order"}
READY = b"Z\0\0\0\5I"
EXCLUSIVE = "AccessExclusiveLock"

TABLES = """
create table table_b(id int primary key);
create table table_a(id int primary key);
create table table_c(id int primary key,
    a_id int constraint c_a references table_a,
    b_id int constraint c_b references table_b);
create view v as select id from table_c;
create materialized view m as select id from v;
create table counted(id serial primary key);
create table solo(id int primary key);
create index solo_index on solo(id);
create table root(id int primary key) partition by range (id);
create table leaf partition of root for values from (0) to (10);
"""
DROP = "drop table table_c"


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


@pytest.fixture
def upstream(cluster, database, tables):
    return cluster.conninfo(database)


def explain(*arguments, upstream=None, text=None, settings=None):
    """A finished run: .returncode, .stdout, .stderr; text is its stdin."""
    command = [proxy.lockstep_bin(), "explain", *arguments]
    if upstream is not None:
        command += ["--upstream", upstream]
    return subprocess.run(command, input=text or "", text=True,
                          env=program.environment(settings),
                          capture_output=True, timeout=wire.HANG_BOUND_S)


def objects(*arguments, status=0, **kwargs):
    """The objects of a run with --json, which has no complaint."""
    run = explain("--json", *arguments, **kwargs)
    assert (run.returncode, run.stderr) == (status, ""), run
    found = [json.loads(line) for line in run.stdout.splitlines()]
    for each in found:
        assert set(each) - {"note", "error", "sessions", "drop_in_steps",
                            "steps"} == KEYS
        assert each["guarded"] == ("sessions" in each)
        assert not set(each["order"]) - {
            quoted(lock) for lock in each["locks"] if lock["lockable"]}
    return found


def one(*arguments, **kwargs):
    found = objects(*arguments, **kwargs)
    assert len(found) == 1
    return found[0]


def quoted(lock):
    def quote(name):
        if re.fullmatch("[a-z_][a-z0-9_]*", name):
            return name
        return '"' + name.replace('"', '""') + '"'
    return quote(lock["schema"]) + "." + quote(lock["name"])


def locks_of(found):
    return {lock["name"]: (lock["kind"], lock["mode"], lock["lockable"])
            for lock in found["locks"]}


def holders_of(found, name):
    return next(lock["holders"] for lock in found["locks"]
                if lock["name"] == name)


class Session:
    """One explain that is driven line by line through its pipes."""

    def __init__(self, upstream, *arguments):
        self.process = subprocess.Popen(
            [proxy.lockstep_bin(), "explain", "--upstream", upstream,
             *arguments, "-"], env=program.environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.read()

    def read(self):
        return self.process.stdout.readline()

    def end(self):
        _, errors = self.process.communicate(timeout=wire.HANG_BOUND_S)
        return self.process.returncode, errors

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


# -- what would be locked ---------------------------------------------------

def test_json_of_a_drop(upstream):
    assert one(DROP, upstream=upstream) == {
        "statement": DROP, "guarded": True, "policy": "auto",
        "locks": [{"schema": "public", "name": name, "kind": kind,
                   "mode": EXCLUSIVE, "lockable": True,
                   "holders": []}
                  for name, kind in (("table_b", "table"),
                                     ("table_a", "table"),
                                     ("table_c", "table"), ("v", "view"),
                                     ("m", "materialized view"))],
        "order": ["public.table_b", "public.table_a", "public.table_c",
                  "public.v", "public.m"],
        "sessions": {"users": 0, "past": 0, "untold": 0, "past_of": None}}


@pytest.mark.parametrize("sql, guarded, expected", [
    ("drop view v cascade", True, {"v": ("view", EXCLUSIVE, True),
                                   "m": ("materialized view", EXCLUSIVE,
                                         True)}),
    ("drop sequence counted_id_seq cascade", True,
     {"counted_id_seq": ("sequence", EXCLUSIVE, True),
      "counted": ("table", EXCLUSIVE, True)}),
    ("drop table counted", True,
     {"counted_id_seq": ("sequence", EXCLUSIVE, True),
      "counted": ("table", EXCLUSIVE, True)}),
    ("alter table table_c drop column a_id", True,
     {"table_a": ("table", EXCLUSIVE, True),
      "table_c": ("table", EXCLUSIVE, True)}),
    ("alter table table_c drop constraint c_b", True,
     {"table_b": ("table", EXCLUSIVE, True),
      "table_c": ("table", EXCLUSIVE, True)}),
    ("alter table root detach partition leaf", True,
     {"root": ("partitioned table", EXCLUSIVE, True),
      "leaf": ("table", EXCLUSIVE, True)}),
    ("truncate table_a cascade", True,
     {"table_a": ("table", EXCLUSIVE, True),
      "table_c": ("table", EXCLUSIVE, True)}),
    ("drop table solo", False, {"solo": ("table", EXCLUSIVE, True)}),
    ("drop index solo_index", False, {"solo": ("table", EXCLUSIVE, True)}),
    ("drop table if exists none, solo", False,
     {"solo": ("table", EXCLUSIVE, True)}),
    ("alter table table_c add foreign key (id) references solo", False,
     {"table_c": ("table", "ShareRowExclusiveLock", True),
      "solo": ("table", "ShareRowExclusiveLock", True)}),
    ("select * from table_a", False, {}),
    ("vacuum table_a", False, {}),
    ("drop index concurrently solo_index", False, {}),
])
def test_locks_of(upstream, sql, guarded, expected):
    found = one(sql, upstream=upstream)
    assert (found["guarded"], locks_of(found)) == (guarded, expected)
    assert not {"note", "error"} & set(found)


def test_every_statement_of_a_text_by_itself(upstream):
    found = objects("drop table solo; begin; drop table solo;\n"
                    "commit; drop table solo; -- end", upstream=upstream)
    assert [(each["statement"], each["guarded"]) for each in found] == [
        ("drop table solo", False), ("begin", False),
        ("drop table solo", True), ("commit", False),
        ("drop table solo", False)]


def test_what_cannot_be_planned_has_a_note(upstream):
    found = one("drop cast (int as text)", upstream=upstream)
    assert (found["guarded"], found["locks"]) == (False, [])
    assert "cannot be planned" in found["note"]


@pytest.mark.parametrize("sql, guarded, expected", [
    ("create table self (id int primary key, up int references self)", False,
     []),
    ("create table public.self (id int primary key, up int, foreign key (up) "
     "references public.self, a int references table_a)", False, ["table_a"]),
    ("create or replace view fresh as select 1 as id", False, []),
    ("create or replace view v as select id from table_c", False, ["v"]),
    ("lock table table_b, table_a in share mode", True,
     ["table_a", "table_b"]),
    ("comment on table table_a is 'x'", False, ["table_a"]),
    ("alter index table_a rename to x", False, ["table_a"]),
])
def test_what_names_more_or_less_than_it_locks(upstream, sql, guarded,
                                               expected):
    found = one(sql, "--set", "guard=ddl", upstream=upstream)
    assert found["guarded"] == guarded
    assert sorted(locks_of(found)) == expected


def test_hostile_names(admin, upstream):
    schema, name = "s.\"x\\", "we\"ird\n\t\u00e4\u2028\U0001f418"
    relation = psycopg.sql.Identifier(schema, name).as_string(admin)
    admin.execute(psycopg.sql.SQL("create schema {}").format(
        psycopg.sql.Identifier(schema)))
    admin.execute(f"create table {relation} (id int primary key,"
                  " a int references table_a)")
    with admin.transaction():
        admin.execute(f"select * from {relation}")
        admin.execute("set local application_name = '\"\\\n'")
        for sql in (f"drop table {relation}",
                    f"alter table {relation} drop column a"):
            found = one(sql, upstream=upstream)
            assert found["statement"] == sql
            assert [(lock["schema"], lock["name"])
                    for lock in found["locks"]] == [
                        ("public", "table_a"), (schema, name)]
            assert found["order"] == ["public.table_a", relation]
            assert len(holders_of(found, name)) == 1
        text = explain(f"drop table {relation}", upstream=upstream).stdout
    assert r'we""ird\n\t' + "\u00e4" + r"\u2028" + "\U0001f418" in text


def test_hostile_search_path_runs_no_code(cluster, database, admin, tables):
    upstream = cluster.conninfo(database)
    expected = one(DROP, upstream=upstream)
    hostile_schema.create(admin)
    admin.execute("alter table table_c set schema hostile")
    assert one(DROP, upstream=upstream + " options='-c search_path=hostile,"
               "pg_catalog,public'")["order"] == [
        name.replace("public.table_c", "hostile.table_c")
        for name in expected["order"]]


# -- settings ---------------------------------------------------------------

@pytest.mark.parametrize("setting, guarded, policy", [
    ("policy=reject", True, "reject"),
    ("policy=pass", True, "pass"),
    ("guard=off", False, "auto"),
    ("guard=ddl", True, "auto"),
])
def test_settings(upstream, setting, guarded, policy):
    found = one(DROP, "--set", setting, upstream=upstream)
    assert (found["guarded"], found["policy"]) == (guarded, policy)
    assert len(found["locks"]) == 5


def test_settings_of_the_session_and_of_rules(upstream, tmp_path):
    file = tmp_path / "lockstep.conf"
    file.write_text("[rule]\ntable = table_b\npolicy = reject\n")
    assert one("--json", "-c", file, DROP, upstream=upstream)[
        "policy"] == "reject"
    assert one("--json", "-c", file, DROP, upstream=upstream +
               " options='-c lockstep.policy=hold'")["policy"] == "hold"
    run = explain("--json", DROP, upstream=upstream +
                  " options='-c lockstep.policy=held'")
    assert json.loads(run.stdout)["policy"] == "auto"
    assert "lockstep.policy" in run.stderr and "held" in run.stderr


def test_single_table_and_lock_order(upstream):
    solo = one("drop table solo", "--set", "guard_single_table=on",
               upstream=upstream)
    assert solo["guarded"]
    found = one(DROP, "--set", "lock_order=table_c, table_a",
                upstream=upstream)
    assert found["order"] == [
        "public.table_c", "public.table_a", "public.table_b", "public.v",
        "public.m"]


@pytest.mark.parametrize("options, sql", [
    ("default_transaction_read_only=on", DROP),
    ("standard_conforming_strings=off", "drop /* \\ */ table table_c"),
])
def test_sessions_that_are_not_guarded(upstream, options, sql):
    found = one(sql, upstream=f"{upstream} options='-c {options}'")
    assert not found["guarded"]
    assert found["note"]
    assert len(found["locks"]) == 5


def test_where_the_upstream_comes_from(cluster, database, upstream, tmp_path):
    config = tmp_path / "lockstep.conf"
    config.write_text(f"upstream = {upstream}\npolicy = hold\n")
    service = tmp_path / "service"
    service.write_text(f"[here]\nhost={cluster.host}\nport={cluster.port}\n"
                       f"dbname={database}\nuser=postgres\n")
    libpq = {"PGHOST": cluster.host, "PGPORT": str(cluster.port),
             "PGUSER": "postgres", "PGDATABASE": database}
    for arguments, settings in (
            (["-c", str(config)], {}),
            ([], {"LOCKSTEP_UPSTREAM": upstream}),
            (["--upstream", upstream], {"LOCKSTEP_UPSTREAM": "port=1"}),
            ([], libpq),
            (["--upstream", f"dbname={database}"], {**libpq,
                                                    "PGDATABASE": "none"}),
            (["--upstream", "service=here"],
             {"PGSERVICEFILE": str(service)})):
        found = one(DROP, *arguments, settings=settings)
        assert len(found["order"]) == 5
        assert found["policy"] == ("hold" if "-c" in arguments else "auto")


# -- holders ----------------------------------------------------------------

def test_holders_and_their_age(cluster, database, upstream):
    begun = time.monotonic()
    found = []
    with cluster.connect(database, autocommit=False,
                         application_name="e2e_holder") as holder:
        holder.execute("select * from table_a")
        holder.execute("select * from table_b for update")
        pid = holder.info.backend_pid
        for _ in range(2):
            found.append(one(DROP, upstream=upstream))
            time.sleep(0.2)
    bound = time.monotonic() - begun
    for table, mode in (("table_a", "AccessShareLock"),
                        ("table_b", "RowShareLock")):
        ages = [0]
        for each in found:
            assert holders_of(each, "table_c") == []
            (told,) = holders_of(each, table)
            ages.append(told.pop("transaction_age_s"))
            assert told == {
                "pid": pid, "user": "postgres", "mode": mode,
                "application_name": "e2e_holder",
                "state": "idle in transaction"}
        assert ages[1] + 0.2 <= ages[2] <= bound
    for lock in one(DROP, upstream=upstream)["locks"]:
        assert lock["holders"] == []


def test_only_conflicts_count(cluster, database, upstream):
    fk = "alter table table_c add foreign key (id) references solo"
    with cluster.connect(database, autocommit=False) as holder:
        holder.execute("select * from solo")
        assert holders_of(one(fk, upstream=upstream), "solo") == []
        holder.execute("insert into solo values (1)")
        (found,) = holders_of(one(fk, upstream=upstream), "solo")
        assert found["mode"] == "RowExclusiveLock"


def test_all_holders_are_told(cluster, database, upstream):
    holders = [cluster.connect(database, autocommit=False)
               for _ in range(8)]
    try:
        for holder in holders:
            holder.execute("select * from table_a")
        found = holders_of(one(DROP, upstream=upstream), "table_a")
        assert [holder["pid"] for holder in found] == [
            holder.info.backend_pid for holder in holders]
    finally:
        for holder in holders:
            holder.close()


# -- who uses the tables, and from where ------------------------------------

@pytest.fixture
def elsewhere(cluster):
    """elsewhere(database, name): a session from another address."""
    hba = os.path.join(cluster.data, "pg_hba.conf")
    with open(hba, encoding="utf-8") as file:
        before = file.read()

    def replace(text):
        with open(hba, "w", encoding="utf-8") as file:
            file.write(text)
        with cluster.connect() as admin:
            admin.execute("select pg_reload_conf()")

    def connect(database, name):
        raw = socket.create_connection((cluster.host, cluster.port),
                                       wire.HANG_BOUND_S, ("127.0.0.2", 0))
        connection.append(raw)
        raw.sendall(program.startup_packet(user="postgres", database=database,
                                           application_name=name))
        while (chunk := raw.recv(65536)) and not chunk.endswith(READY):
            assert not chunk.startswith(b"E"), chunk
        return raw

    connection = []
    replace(before + "host all all 127.0.0.0/8 trust\n")
    yield connect
    for raw in connection:
        raw.close()
    replace(before)


def run_raw(raw, sql):
    raw.sendall(wire.query(sql))
    while chunk := raw.recv(65536):
        if chunk[-6:-1] == READY[:-1]:
            return


def sessions_of(upstream, settings=None):
    return one(DROP, upstream=upstream, settings=settings)["sessions"]


def test_users_of_this_machine_may_come_through(cluster, database, upstream):
    assert sessions_of(upstream) == {"users": 0, "past": 0, "untold": 0,
                                     "past_of": None}
    with cluster.connect(database, autocommit=False) as user:
        user.execute("select from table_a")
        assert sessions_of(upstream)["users"] == 1
        assert sessions_of(upstream)["past"] == 0
        run = explain(DROP, upstream=upstream)
        assert "\n  1 session uses these relations now\n" in run.stdout


def test_users_from_elsewhere_come_past(database, upstream, elsewhere, fleet):
    raw = elsewhere(database, "cron")
    run_raw(raw, "begin; select from table_a")
    assert sessions_of(upstream) == {"users": 1, "past": 1, "untold": 0,
                                     "past_of": "cron"}
    run = explain(DROP, upstream=upstream)
    assert ("1 session uses these relations now; 1 from where no Lockstep is "
            "known to be (cron)\n") in run.stdout
    settings = {f"LOCKSTEP_{name.upper()}": value
                for name, value in fleet.settings().items()}
    assert sessions_of(upstream, settings)["past"] == 1
    # A Lockstep of the fleet is there, too.
    elsewhere(fleet.database, "lockstep fleet")
    assert sessions_of(upstream, settings)["past"] == 0
    assert sessions_of(upstream)["past"] == 1


def test_users_whose_address_is_not_told(admin, cluster, database, upstream):
    with cluster.connect(database, autocommit=False) as user:
        user.execute("select from table_a")
        admin.execute("create role e2e_blind login")
        admin.execute("alter table table_c owner to e2e_blind")
        try:
            blind = upstream.replace("user=postgres", "user=e2e_blind")
            assert blind != upstream
            assert sessions_of(blind) == {"users": 1, "past": 0, "untold": 1,
                                          "past_of": None}
        finally:
            admin.execute("alter table table_c owner to postgres")
            admin.execute("drop role e2e_blind")


def test_a_prepared_transaction_holds(admin, upstream):
    name = admin.info.dbname
    admin.execute("begin")
    admin.execute("insert into table_a values (1)")
    admin.execute(f"prepare transaction '{name}'")
    try:
        (holder,) = holders_of(one(DROP, upstream=upstream), "table_a")
        text = explain(DROP, upstream=upstream).stdout
    finally:
        admin.execute(f"rollback prepared '{name}'")
    assert holder == {"pid": None, "user": None, "application_name": None,
                      "state": None, "mode": "RowExclusiveLock",
                      "transaction_age_s": None}
    assert "a prepared transaction holds ROW EXCLUSIVE on" in text


@pytest.fixture
def role(admin):
    name = "role_of_" + admin.info.dbname
    admin.execute(f"create role {name} login")
    yield name
    admin.execute(f"drop owned by {name}")
    admin.execute(f"drop role {name}")


def test_a_role_without_rights(cluster, database, admin, tables, role):
    admin.execute("drop view v cascade")
    admin.execute(f"alter table table_c owner to {role}")
    with cluster.connect(database, autocommit=False) as holder:
        holder.execute("select * from table_a")
        found = one(DROP, upstream=cluster.conninfo(database, role))
        text = explain(DROP, upstream=cluster.conninfo(database, role))
    assert found["guarded"]
    assert locks_of(found) == {"table_a": ("table", EXCLUSIVE, False),
                               "table_b": ("table", EXCLUSIVE, False),
                               "table_c": ("table", EXCLUSIVE, True)}
    assert found["order"] == ["public.table_c"]
    assert "GRANT MAINTAIN" in found["note"]
    assert found["note"] in text.stdout
    # What another user's session does is not shown to everybody.
    (holder,) = holders_of(found, "table_a")
    assert (holder["state"], holder["transaction_age_s"]) == (None, None)
    assert (holder["user"], holder["mode"]) == ("postgres", "AccessShareLock")
    assert re.search(r"public.table_a +table +ACCESS EXCLUSIVE +no",
                     text.stdout)


def test_a_schema_without_usage(cluster, database, admin, tables, role):
    admin.execute("create schema secret")
    admin.execute("create table secret.t (id int)")
    found = one("drop table secret.t", status=1,
                upstream=cluster.conninfo(database, role))
    assert found["error"] == "permission denied for schema secret"


# -- nothing is locked ------------------------------------------------------

def test_waits_for_no_lock(cluster, database, upstream):
    with cluster.connect(database, autocommit=False) as holder:
        holder.execute("lock table table_a, table_b, table_c, counted, solo,"
                       " root in access exclusive mode")
        for relation in ("v", "m", "counted_id_seq", "solo_index"):
            holder.execute(f"alter table {relation} owner to postgres")
        pid = holder.info.backend_pid
        for sql in (DROP + " cascade", "drop table counted",
                    "drop index solo_index", "truncate table_a cascade",
                    "alter table root detach partition leaf",
                    "alter table solo add foreign key (id) references root",
                    "select * from table_a", "selec * from table_a"):
            run = explain("--json", sql, upstream=upstream)
            assert run.returncode == sql.startswith("selec ")
            for lock in json.loads(run.stdout)["locks"]:
                assert [holder["pid"] for holder in lock["holders"]] == [pid]


def test_many_lines_over_one_read_only_connection(cluster, admin, upstream):
    mark = cluster.log_mark()
    texts = [[DROP], ["drop table solo"], ["selec 1"], ["drop table none"],
             ["select 1", "drop view v"]] * 20
    pids = set()
    with Session(upstream, "--json") as session:
        for text in texts:
            answers = [session.ask("\n" + "; ".join(text))]
            answers += [session.read() for _ in text[1:]]
            assert [json.loads(each)["statement"] for each in answers] == text
            pids.update(admin.execute(
                "select pid, state from pg_stat_activity where datname ="
                " current_database() and application_name ="
                " 'lockstep explain'"))
        ((pid, state),) = pids
        assert state == "idle"
        assert session.end() == (1, "")
    words = re.findall(rf"\[{pid}\].* LOG: +(?:statement|execute"
                       r" <unnamed>): (\w+)", cluster.log(mark))
    # The first two ask about the session.
    assert [words.pop(0), words.pop(0)] == ["SELECT", "SELECT"]
    assert words.count("BEGIN") == words.count("ROLLBACK") > len(texts)
    assert set(words) == {"BEGIN", "SELECT", "WITH", "DEALLOCATE", "ROLLBACK"}
    for before, word in zip(["ROLLBACK", *words], words):
        assert (word == "BEGIN") == (before == "ROLLBACK")


# -- what goes wrong --------------------------------------------------------

@pytest.mark.parametrize("sql, error", [
    ("drop tabel x", 'syntax error at or near "tabel"'),
    ("this is no SQL", 'syntax error at or near "this"'),
    ("select 1; )", 'syntax error at or near ")"'),
    ("drop table 'x", "unterminated quoted string"),
    ("drop table none", 'relation "none" does not exist'),
    ('drop table solo, public."no""ne"',
     'relation "public"."no""ne" does not exist'),
    ("drop table none.where", 'relation "none"."where" does not exist'),
    ("alter table root detach partition none",
     'relation "none" does not exist'),
    ("alter table none drop column if exists x",
     'relation "none" does not exist'),
    ("drop table a.b.c", "cross-database references"),
])
def test_errors_of_a_statement(upstream, sql, error):
    found = one(sql, upstream=upstream, status=1)
    assert error in found["error"]
    assert (found["guarded"], found["locks"], found["order"]) \
        == (False, [], [])
    run = explain(sql, upstream=upstream)
    assert run.returncode == 1
    assert "  error: " in run.stdout


def test_an_error_does_not_end_the_others(upstream):
    first, second, third = objects(
        "-", upstream=upstream, status=1,
        text=f"drop table none\n{DROP}; drop table none\n")
    assert "error" in first and "error" in third
    assert len(second["order"]) == 5


def test_too_large(upstream):
    large = "drop table " + ", ".join(["table_c"] * 200)
    found = one(large, "--set", "parse_limit=1kB", upstream=upstream,
                status=1)
    assert "parse_limit" in found["error"]
    found = objects("-", "--set", "query_limit=64kB", upstream=upstream,
                    status=1, text="x" * 70000 + f"\n{DROP}")
    assert "query_limit" in found[0]["error"]
    assert found[1]["guarded"]


def test_odd_bytes_are_answered_in_json(cluster, database, tables):
    run = subprocess.run(
        [proxy.lockstep_bin(), "explain", "--json", "--upstream",
         cluster.conninfo(database), "-"], capture_output=True,
        input=b"drop table \xff\xfe\ndrop table a\0b\n\x1b[2J\n",
        env=program.environment(), timeout=wire.HANG_BOUND_S)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 1
    assert [bool(each["error"]) for each in found] == [True] * 3
    assert found[1]["statement"] == "drop table a\0b"


def test_no_connection(upstream):
    wrong = program.free_endpoint()
    for conninfo in (f"host={wrong.host} port={wrong.port}",
                     f"{upstream} dbname=none", "host='x", "hots=x"):
        run = explain(DROP, upstream=conninfo)
        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr.startswith("lockstep: ")
    run = explain(DROP, upstream="passwrd=secret")
    assert run.returncode == 2 and "secret" not in run.stderr


def test_a_lost_connection(admin, upstream):
    with Session(upstream, "--json") as session:
        assert json.loads(session.ask(DROP))["guarded"]
        admin.execute("select pg_terminate_backend(pid, 10000) from"
                      " pg_stat_activity where datname = current_database()"
                      " and application_name = 'lockstep explain'")
        assert session.ask(DROP) == ""
        status, errors = session.end()
    assert status == 2
    assert "terminating connection" in errors


def test_arguments():
    for arguments in ([], ["drop table a", "drop table b"],
                      ["--nonsense", "-"], ["--set", "policy=none", "-"]):
        run = explain(*arguments)
        assert (run.returncode, run.stdout) == (1, "")
        assert run.stderr
    assert program.run("check", "--json").returncode == 1
    assert "explain" in program.run("--help").stdout


# -- what could go first ----------------------------------------------------

CASCADE = DROP + " cascade"  # else the view is in the way


@pytest.mark.parametrize("value", ["off", "last", "on"])
def test_keys_that_can_go_first(upstream, value):
    found = one(CASCADE, "--set", f"drop_in_steps={value}", upstream=upstream)
    assert found["drop_in_steps"] == value
    assert found["steps"] == [
        {"table": "public.table_c", "key": f"c_{x}",
         "restore": f"ALTER TABLE ONLY public.table_c ADD CONSTRAINT c_{x} "
         f"FOREIGN KEY ({x}_id) REFERENCES public.table_{x}(id)"}
        for x in "ab"]


@pytest.mark.parametrize("arguments", [
    (DROP,), ("alter table table_c drop column a_id",),
    ("truncate table_a cascade",), ("drop view v cascade",),
    (CASCADE, "--set", "policy=pass"), (CASCADE, "--set", "policy=reject")])
def test_no_keys_can_go_first(upstream, arguments):
    assert "steps" not in one(*arguments, upstream=upstream)


def test_no_keys_can_go_first_in_a_transaction(upstream):
    begin, drop = objects(f"begin; {CASCADE}", upstream=upstream)
    assert drop["guarded"]
    assert "steps" not in drop


def test_keys_of_a_role_that_may_not_drop_stay(admin, database, upstream):
    role = f"{database}_role"
    admin.execute(f"create role {role} login")
    try:
        assert "steps" not in one(CASCADE, upstream=upstream + f" user={role}")
    finally:
        admin.execute(f"drop role {role}")


# -- for people -------------------------------------------------------------

def test_text_of_a_drop(admin, upstream):
    admin.execute("drop view v cascade")
    assert explain(DROP, upstream=upstream).stdout == """\
drop table table_c
  auto: would lock these 3 tables at once
  drop_in_steps = off: 2 foreign keys could go first, one at a time: against \
traffic in several orders that no window stops
  locks, in order  kind   mode              lockable
  public.table_b   table  ACCESS EXCLUSIVE  yes
  public.table_a   table  ACCESS EXCLUSIVE  yes
  public.table_c   table  ACCESS EXCLUSIVE  yes
  foreign key  of
  c_a          public.table_c
  c_b          public.table_c
"""


def test_text_with_a_holder(cluster, database, upstream):
    with cluster.connect(database, autocommit=False,
                         application_name="shop") as holder:
        holder.execute("select * from table_a")
        lines = explain(DROP, upstream=upstream).stdout.splitlines()
        pid = holder.info.backend_pid
    assert lines[1] == "  auto: would hold:"
    assert re.fullmatch(
        rf"    pid {pid} \(shop, postgres\) in a transaction for \d+\.\d s "
        r"holds ACCESS SHARE on public\.table_a", lines[2])
    assert re.fullmatch(
        rf"  {pid} +postgres  shop         idle in transaction  \d+\.\d s +"
        r"ACCESS SHARE on public\.table_a", lines[-1])
    at = {line.find("ACCESS EXCLUSIVE") for line in lines} - {-1}
    assert len(at) == 1


def test_blocks_of_text_are_separated(upstream):
    run = explain("-", upstream=upstream, text=f"{DROP}\nselect 1\n\nbegin\n")
    blocks = run.stdout.split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [
        DROP, "select 1", "begin"]
    assert all("\n\n" not in block for block in blocks)
