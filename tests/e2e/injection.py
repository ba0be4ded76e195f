"""How the guarded statement can come, and what may become of it.

A way turns statements into a script: steps of messages, each followed by the
answers it waits for.  The same script is played direct and through Lockstep;
Outcome names the statements around the guarded one and what must be set up.
"""

from dataclasses import dataclass, field

import wire
from wire import (bind, close_statement, describe_portal, describe_statement,
                  execute, extended, flush, parse, query, sync)

SCHEMA = """
drop schema if exists public cascade;
create schema public;
grant all on schema public to public;
create table journal(n int);
create table table_a(id int primary key, note text);
create table table_b(id int primary key, note text);
insert into table_a values (1, 'a'), (2, 'ěšč');
insert into table_b values (1, 'b');
create table table_c(id int primary key, a_id int references table_a,
    b_id int references table_b);
create table table_d(id int primary key, a_id int references table_a,
    b_id int references table_b);
create table table_p(id int primary key, a_id int references table_a);
create table table_q(p_id int references table_p);
create table table_t(id int, a_id int references table_a);
insert into table_c values (1, 1, 1);
insert into table_d values (1, 1, 1);
insert into table_t values (1, 1);
create table late_parent(id int primary key);
create table late_child(id int references late_parent
    deferrable initially deferred);
grant all on all tables in schema public to public;
create function complain() returns trigger language plpgsql as $$
begin
    raise notice 'a notice of the statement itself';
    insert into late_child values (99);
    return null;
end $$;
create trigger complain after truncate on table_t
    for each statement execute function complain();
"""

STATE = """
select 'relation', relname::text, relkind::text from pg_class
 where relnamespace = 'public'::regnamespace
union all
select 'constraint', conname::text, conrelid::regclass::text
  from pg_constraint where connamespace = 'public'::regnamespace
union all select 'journal', n::text, '' from journal
union all select 'late_child', id::text, '' from late_child
order by 1, 2, 3
"""

# Goes before STATE: changes with everything that a case can do to tables.
FINGERPRINT = """
select 'file', oid::text || ' ' || relfilenode, xmin::text from pg_class
 where relnamespace = 'public'::regnamespace and relkind <> 'v'
union all
select 'column', attrelid::text || ' ' || attname, atttypid::text
  from pg_attribute a join pg_class c on c.oid = a.attrelid
 where relnamespace = 'public'::regnamespace
union all
"""

# What the session must look like from inside: settings, statements, portals
# and its locks, but for the one that the proxies before a server share.  (A
# view keeps the message short: it is sent byte by byte, too.)
PROBE = "table probe"
PROBE_VIEW = """
create view probe as select
    (select string_agg(name || '=' || setting, ', ' order by name)
       from pg_settings where name in ('lock_timeout', 'statement_timeout',
        'search_path', 'transaction_isolation', 'transaction_read_only',
        'plan_cache_mode', 'client_min_messages', 'deadlock_timeout',
        'idle_in_transaction_session_timeout')) as settings,
    (select string_agg(name, ', ' order by name)
       from pg_prepared_statements) as statements,
    (select string_agg(name, ', ' order by name) from pg_cursors) as portals,
    (select string_agg(concat_ws(' ', locktype, mode, relname,
        case when relation is not null and relname is null then 'gone' end),
        ', ' order by locktype, mode, relname)
       from pg_locks l left join pg_class c on c.oid = l.relation
      where l.pid = pg_backend_pid() and (l.relation >= 16384
        or l.locktype = 'advisory' and l.classid <> 1282368363)) as locks;
"""
SCHEMA += PROBE_VIEW


@dataclass(frozen=True)
class Outcome:
    guarded: str
    before: tuple = ()
    after: tuple = ()
    user: str = "postgres"
    # Whether the statement gets so far that there is something to guard.
    is_guarded: bool = True
    # Played byte by byte, too (which takes its time).
    by_bytes: bool = False

    def statements(self):
        return [*self.before, self.guarded, *self.after]


OUTCOMES = {
    "success": Outcome("drop table table_c", by_bytes=True),
    "success among rows": Outcome(
        "alter table table_c drop column a_id, drop column b_id",
        before=("select 'žluťoučký 🐎' as x", "insert into journal values (1)"),
        after=("select note as y from table_a", "insert into journal "
               "values (2)"), by_bytes=True),
    "wrong name": Outcome("drop table table_c, table_x", is_guarded=False),
    "IF EXISTS, some missing": Outcome(
        "drop table if exists table_x, table_c", by_bytes=True),
    "IF EXISTS, all missing": Outcome("drop table if exists table_x",
                                      is_guarded=False),
    "missing right": Outcome("drop table table_c", user="e2e_stranger",
                             is_guarded=False),
    "dependent objects": Outcome("drop table table_p",
                                 before=("insert into journal values (1)",)),
    "dependent objects, alone": Outcome("drop table table_p"),
    "deferred constraint": Outcome("truncate table_t, table_d",
                                   by_bytes=True),
    "deferred constraint, something behind": Outcome(
        "truncate table_t, table_d", after=("select 1 as z",)),
    "deferred constraint, failing earlier": Outcome(
        "drop table table_c", before=("insert into late_child values (98)",)),
    "pending trigger events": Outcome(
        "truncate late_parent, late_child",
        before=("insert into late_child values (98)",)),
    "syntax error behind": Outcome(
        "drop table table_c", before=("select 'žluťoučký 🐎' as x",),
        after=("selec 'kůň'",)),
    "division behind": Outcome("drop table table_c", after=("select 1/0",)),
    "unknown column behind": Outcome(
        "drop table table_c", before=("select 'žluťoučký 🐎' as x",),
        after=("select 'kůň', nix from table_a",), by_bytes=True),
    "before it fails": Outcome(
        "drop table table_c", before=("select 'kůň', nix from table_a",),
        is_guarded=False),
    "warning around it": Outcome(
        "drop table table_c", before=("set local lock_timeout = '7s'",),
        after=("show lock_timeout",)),
}


@dataclass
class Step:
    """Messages in one packet, then what to wait for: one of the types
    `until`, or else that many ReadyForQuery (None: as many as are owed)."""
    messages: list
    until: str = ""
    ready: int = None
    # Sent instead if the last answer was an error (a driver resynchronises).
    on_error: list = None


@dataclass
class Way:
    make: object
    # False: nothing can be guarded here, whatever the statement.
    is_guarded: bool = True
    # Outcomes in which this way makes it impossible.
    unguarded_in: tuple = field(default_factory=tuple)


def probe():
    return Step([query(PROBE)])


def simple(texts):
    return [Step([query(text)]) for text in texts]


def simple_pipelined(texts):
    return [Step([query(text) for text in texts])]


def simple_joined(texts):
    return [Step([query("; ".join(texts) + ";")])]


def simple_block_in_message(texts):
    return simple_joined(["begin", *texts, "commit"])


def simple_block(texts):
    return simple(["begin", *texts]) + [probe()] + simple(["commit"])


def simple_block_pipelined(texts):
    return simple_pipelined(["begin", *texts, "commit"])


def extended_unnamed(texts):
    return [Step([*extended(text), sync()]) for text in texts]


def extended_pipelined_syncs(texts):
    messages = []
    for text in texts:
        messages += [*extended(text), sync()]
    return [Step(messages)]


def extended_named(texts):
    """All prepared first, executed later, closed at the end."""
    steps = [Step([parse(text, f"s{i}"), describe_statement(f"s{i}"), sync()])
             for i, text in enumerate(texts)]
    steps += [Step([bind("", f"s{i}"), execute(), sync()])
              for i in range(len(texts))]
    steps += [Step([close_statement(f"s{i}"), sync()])
              for i in range(len(texts))]
    return steps


def extended_named_portal(texts):
    return [Step([parse(text, "s"), bind("p", "s"), describe_portal("p"),
                  execute("p"), wire.close_portal("p"), close_statement("s"),
                  sync()]) for text in texts]


def extended_begin_in_packet(texts):
    """As pgjdbc: BEGIN and the statement in one cycle."""
    messages = [parse("begin"), bind(), execute()]
    for text in texts:
        messages += extended(text)
    return [Step([*messages, sync()]), probe(),
            Step([*extended("commit"), sync()])]


def extended_implicit_block(texts):
    """Pipelined behind an INSERT, no BEGIN: all is one transaction."""
    messages = extended("insert into journal values (7)")
    for text in texts:
        messages += extended(text)
    return [Step([*messages, sync()])]


def extended_one_cycle(texts):
    messages = []
    for text in texts:
        messages += extended(text)
    return [Step([*messages, sync()])]


def extended_described_first(texts):
    """As postgres.js: the description is awaited before Bind."""
    steps = []
    for text in texts:
        steps.append(Step([parse(text), describe_statement(), flush()],
                          until="TnE"))
        steps.append(Step([bind(), execute(), sync()], on_error=[sync()]))
    return steps


def extended_flushed(texts):
    """The answer of each Execute is awaited before Sync is sent."""
    steps = []
    for text in texts:
        steps.append(Step([*extended(text), flush()], until="CE"))
        steps.append(Step([sync()]))
    return steps


def extended_flushed_each(texts):
    """Each message's answer is awaited before the next is sent."""
    steps = []
    for text in texts:
        for messages, until in (([parse(text)], "1E"), ([bind()], "2E"),
                                ([describe_portal()], "TnE"),
                                ([execute()], "CE")):
            steps.append(Step([*messages, flush()], until=until, on_error=[]))
        steps.append(Step([sync()]))
    return steps


def extended_max_rows(texts):
    return [Step([*extended(text, max_rows=1), sync()]) for text in texts]


def extended_in_block(texts):
    return (simple(["begin"]) + extended_unnamed(texts) + [probe()]
            + simple(["commit"]))


def extended_block(texts):
    return (extended_unnamed(["begin", *texts]) + [probe()]
            + extended_unnamed(["commit"]))


def failed_block(texts):
    return (simple(["begin", "select 1/0"]) + simple(texts)
            + simple(["rollback"]))


def read_only_block(texts):
    return simple(["begin read only", *texts, "commit"])


def repeatable_read(texts):
    return (simple(["begin isolation level repeatable read",
                    "select count(*) from table_q", *texts])
            + [probe()] + simple(["commit"]))


def repeatable_read_first(texts):
    return (simple(["begin isolation level repeatable read", *texts])
            + [probe()] + simple(["commit"]))


def serializable_default(texts):
    return simple(["set default_transaction_isolation = 'serializable'",
                   *texts, "reset default_transaction_isolation"])


def savepoint_rolled_back(texts):
    return (simple(["begin", "savepoint s", *texts, "rollback to s"])
            + [probe()] + simple(["commit"]))


def savepoint_released(texts):
    return (simple(["begin", "savepoint s", *texts, "release s"])
            + [probe()] + simple(["commit"]))


WAYS = {
    "simple": Way(simple),
    "simple, pipelined": Way(simple_pipelined),
    "simple, one message": Way(simple_joined,
                               unguarded_in=("syntax error behind",)),
    "simple, begin and commit in one message": Way(
        simple_block_in_message, unguarded_in=("syntax error behind",)),
    "simple, in a block": Way(simple_block),
    "simple, in a block, pipelined": Way(simple_block_pipelined),
    "extended, unnamed": Way(extended_unnamed),
    "extended, pipelined with Syncs": Way(extended_pipelined_syncs),
    "extended, prepared earlier": Way(
        extended_named),
    "extended, named portal": Way(extended_named_portal),
    "extended, BEGIN in the packet": Way(extended_begin_in_packet),
    "extended, implicit block": Way(extended_implicit_block),
    "extended, one cycle": Way(extended_one_cycle),
    "extended, described first": Way(extended_described_first),
    "extended, flushed before Sync": Way(extended_flushed),
    "extended, flushed after each": Way(extended_flushed_each),
    "extended, max_rows": Way(extended_max_rows),
    "extended, in a simple block": Way(extended_in_block),
    "extended, in a block": Way(extended_block),
    "in a failed block": Way(failed_block, is_guarded=False),
    "in a read-only block": Way(read_only_block, is_guarded=False),
    "in REPEATABLE READ": Way(repeatable_read),
    "first in REPEATABLE READ": Way(repeatable_read_first),
    "default SERIALIZABLE": Way(serializable_default),
    "behind a savepoint, rolled back": Way(savepoint_rolled_back),
    "behind a savepoint, released": Way(savepoint_released),
}


def play(session, steps, by="packet"):
    """Send the steps one after another; the trace of all their answers."""
    trace = []
    for step in steps:
        messages = step.messages
        failed = trace and trace[-1][0] == "E"
        if failed and step.on_error is not None:
            messages = step.on_error
            if not messages:
                continue
        session.send(*messages, by=by)
        if step.until:
            trace += session.read_until(step.until)
        else:
            owed = wire.ready_count(messages)
            trace += session.read_ready(owed if step.ready is None
                                        else step.ready)
        if trace[-1] is wire.CLOSED:
            break
    return trace
