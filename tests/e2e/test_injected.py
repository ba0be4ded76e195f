"""docs/injected.md is what the server gets to see, to the letter.

Each case is played through Lockstep to a server of this file's own that logs
everything.  What the session was sent is read from the server's log (texts,
parameters, what an attempt reported) and from the bytes on the way to it
(which messages, and where a Sync or a Flush stands), and the page is made of
both.  After a change that is meant:

    LOCKSTEP_RENEW=1 ctest --preset asan -R e2e/injected
"""

import difflib
import os
import re
import socket
import struct
import textwrap
import time
from dataclasses import dataclass, field

import pytest

import wire
from cluster import Cluster
from proxy import Lockstep
from scene import Asked, Holder, wait_for
from tap import Tap
from wire import Wire, extended, query, sync

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("the tap reads what passes")]

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "..", "..", "docs", "injected.md")
RENEW = "LOCKSTEP_RENEW=1 ctest --preset asan -R e2e/injected"

SETTINGS = {
    "deadlock_timeout": "10s",  # attempts may take long enough to succeed
    "log_min_messages": "info",  # what an attempt reports is an INFO
    "log_min_error_statement": "panic",  # each text once
    "log_parameter_max_length": "-1",
}
DATABASE = "injected"
TRIES = 3
COLUMNS = 120

TABLES = """
create table table_a(id int primary key, filler text);
create table table_b(id int primary key);
create table table_c(id int primary key, a_id int references table_a,
    b_id int references table_b);
create table journal(n int);
"""
DROP = "drop table table_c"
FRONTEND = {"P": "Parse", "B": "Bind", "E": "Execute", "C": "Close",
            "D": "Describe", "S": "Sync", "H": "Flush", "Q": "Query",
            "X": "Terminate"}

# A part of the text -> its name; the first that fits.
QUERIES = {
    "AS as_before": "AS BEFORE",
    "AS names": "PLAIN NAMES",
    "AS unset": "SETTINGS STILL UNSET",
    "current_setting('exit_on_error')": "GLANCE",
    "pg_lock_status()": "SESSION FACTS IN A BLOCK",
    "'transaction_read_only'": "SESSION FACTS",
    "SELECT pg_catalog.pg_current_snapshot": "SNAPSHOT",
    "'lockstep.policy'": "SESSION SETTINGS",
    "drop_seed": "LOCK SET",
    "AS is_simple": "SMALL LOCK SET",
    "pg_stat_activity": "LOOK",
    "relpersistence": "OWN NAMES",
    "ev_class": "NAMES",
    "EXECUTE _lockstep": "PLAIN SETTINGS",
    "AS restored": "SETTINGS BACK",
}


def query_of(text):
    """The name of a catalog query; None for all other texts."""
    return next((name for part, name in QUERIES.items() if part in text), None)


# -- what was sent ----------------------------------------------------------

@dataclass
class Entry:
    """One of the server's log: a statement, or what came of the last."""
    severity: str
    sqlstate: str
    text: str
    detail: str = ""


def entries_of(log, pid):
    """The log of one process; its further lines belong to their first."""
    entries = []
    is_wanted = False
    for line in log.splitlines():
        head = re.match(r"\S+ \S+ \w+ \[(\d+)\] (\w{5}) (\w+):  (.*)", line)
        if head:
            is_wanted = int(head[1]) == pid
        if not is_wanted:
            continue
        if not head:
            more = "\n" + line.removeprefix("\t")
            if entries[-1].detail:
                entries[-1].detail += more
            else:
                entries[-1].text += more
        elif head[3] == "DETAIL":
            entries[-1].detail = head[4]
        elif head[3] not in ("HINT", "CONTEXT", "LOCATION"):
            entries.append(Entry(head[3], head[2], head[4]))
    return entries


def frames_of(data):
    """(type, text) of each message: the name in a Parse, Bind, Execute or
    Close, the text of a Query."""
    at = 0
    while at + 5 <= len(data):
        kind = chr(data[at])
        end = at + 1 + struct.unpack_from("!I", data, at + 1)[0]
        start = at + 6 if kind == "C" else at + 5
        body = data[start:end]
        yield kind, body.split(b"\0")[0].decode()
        at = end


@dataclass
class Sent:
    """A message, or all that one statement of Lockstep's consists of."""
    is_ours: bool
    kind: str            # ours: "" for a statement
    text: str = ""
    reports: list = field(default_factory=list)


# The statement is closed before it is executed (proxy/guard/inject.c).
OURS = "PBCEC"


def take_statement(frames, entries, page):
    """One of Lockstep's: five messages, and what the log has of it.

    What it executes is parsed before, closed behind, and a DETAIL of the log.
    """
    is_executing = [kind for kind, _ in frames[:2]] == ["P", "P"]
    if is_executing:
        frames.pop(0)
    kinds, names = zip(*[frames.pop(0) for _ in OURS])
    assert "".join(kinds) == OURS and len(set(names)) == 1, (kinds, names)
    entry = entries.pop(0)
    prefix = f"execute {names[0]}/{names[0]}: "
    assert entry.text.startswith(prefix), entry
    text = entry.text.removeprefix(prefix)
    parameters = re.sub("^parameters: ", "", entry.detail, flags=re.I)
    if is_executing:
        assert frames.pop(0)[0] == "C"
        text = re.sub("_lockstep[0-9]+", "_lockstep1", text)
        text += "\n\n" + entry.detail.removeprefix("prepare: ")
        parameters = ""
    text = page.name_of(text, parameters)
    return Sent(True, "", text, take_reports(entries))


def take_reports(entries):
    reports = []
    while entries and entries[0].severity != "LOG":
        entry = entries.pop(0)
        reports.append(f"{entry.severity} {entry.sqlstate}: {entry.text}")
    return reports


def read_sent(log, pid, data, page, has_sync):
    """Everything that went to the server, in its order.

    has_sync: the client sent a Sync, at its end.
    """
    entries = entries_of(log, pid)
    frames = list(frames_of(data))
    sent = []
    while frames:
        kind, text = frames[0]
        if text.startswith("_lockstep"):
            sent.append(take_statement(frames, entries, page))
            continue
        frames.pop(0)
        # The client's Sync, if there is one, is the last.
        is_ours = kind == "H" or (kind == "S" and (
            not has_sync or any(k == "S" for k, _ in frames)))
        one = Sent(is_ours, FRONTEND[kind])
        if kind in "QE":
            head, _, one.text = entries.pop(0).text.partition(": ")
            assert head == {"Q": "statement",
                            "E": "execute <unnamed>"}[kind], head
            one.reports = take_reports(entries)
        sent.append(one)
    assert entries == []
    return sent


# -- as the page shows it ---------------------------------------------------

def attempt_lines(text):
    """A name for a DO block that takes locks, then the locks."""
    locks = re.findall("^LOCK TABLE .*", text, re.M)
    bound = re.search(r"'lock_timeout', '([1-9]\d*)'|l := (\d+)", text)
    how = f"within {bound[1] or bound[2]} ms" if bound else "without waiting"
    name = "ATTEMPT"
    if "RAISE lock_not_available;\nEXCEPTION WHEN OTHERS" in text:
        name = "MAKE ROOM"
    tables = ", ".join(re.search(r"\.(\w+)", lock)[1] for lock in locks)
    return [f"{name} {how}: {tables}", *locks]


class Page:
    """Long texts once, in an appendix; oids as the names of their tables."""

    def __init__(self, admin):
        self.texts = {}  # name -> text
        # Read before one of them is dropped.
        self.tables = {str(oid): name for oid, name in admin.execute(
            "select oid, relname from pg_class where relkind = 'r' "
            "and oid >= 16384")}

    def name_of(self, text, parameters):
        parameters = self.without_oids(parameters)
        name = query_of(text)
        shown = [name, parameters]
        if "LOCK TABLE ONLY" in text:
            shown = attempt_lines(text)
            name = shown[0]
        elif name is None:
            assert len(text) < 300 and not parameters, text
            return text
        text = re.sub(r"waits for .*; \*/",
                      "waits for 16400 AccessExclusiveLock, ...; */", text)
        assert self.texts.setdefault(name, text) == text, name
        return "\n  ".join(filter(None, shown))

    def without_oids(self, parameters):
        """That of a table; 100000 is a setting (jit_above_cost)."""
        return re.sub(r"\b(?!100000 )[1-9]\d{4,}\b",
                      lambda oid: f"oid of {self.tables[oid[0]]}", parameters)


def batches_of(sent):
    """Cut behind each Sync and Flush, and where the sender changes."""
    batches = [[]]
    for one in sent:
        before = batches[-1]
        if before and (before[-1].kind in ("Sync", "Flush", "Query")
                       or before[-1].is_ours != one.is_ours):
            batches.append(before := [])
        before.append(one)
    return batches


def lines_of(batch):
    margin = "L  " if batch[0].is_ours else "   "
    for one in batch:
        text = " ".join(filter(None, (one.kind, one.text.strip())))
        yield from (margin + line for line in text.split("\n"))
        yield from ("   -> " + report for report in one.reports)


def render_sent(sent):
    """A batch that is repeated is shown once: how often is chance."""
    shown = []
    for batch in batches_of(sent):
        lines = list(lines_of(batch))
        if not shown or lines != shown[-1]:
            shown.append(lines)
    return "\n".join("\n".join(lines) for lines in shown)


def render_answer(trace):
    told = []
    for kind, fields in trace:
        if kind == "C":
            told.append(f"`{fields[0]}`")
        elif kind == "E":
            error = dict(fields)
            told.append(f"error {error['C']}")
        elif kind == "Z":
            told.append(f"ReadyForQuery ({fields[0]})")
    return ", ".join(told)


# -- the cases --------------------------------------------------------------

class Stage:
    """What a case plays on: Lockstep behind the tap, and who is in the way."""

    def __init__(self, cluster, proxy, session):
        self.cluster = cluster
        self.proxy = proxy
        self.session = session
        self.mark = cluster.log_mark()

    def holder(self):
        """An idle transaction that has read table_b, older than OLD's."""
        holder = Holder(self.cluster, DATABASE, "select * from table_b")
        time.sleep(0.05)
        return holder

    def log(self):
        return self.cluster.log(self.mark)

    def wait_sent(self, what, count):
        """Until the session was sent so many of these."""
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while True:
            entries = entries_of(self.log(), self.session.pid)
            texts = [query_of(entry.text) or entry.text for entry in entries]
            if sum(what in text for text in texts) >= count:
                return
            assert time.monotonic() < deadline, f"never sent: {what}"
            time.sleep(0.002)


def alone(stage, messages):
    return stage.session.run(*messages)


def refused(stage, messages):
    with stage.holder():
        return stage.session.run(*messages)


def held_until(what, count):
    """The holder goes once that much was sent."""
    def play(stage, messages):
        with stage.holder() as holder:
            asked = Asked(stage.session, *messages)
            stage.wait_sent(what, count)
            holder.release()
            return asked.answer()
    return play


def among_others(stage, messages):
    """Somebody is connected, and the client thinks until the gate is shut."""
    with socket.create_connection((stage.proxy.host, stage.proxy.port)):
        trace = alone(stage, messages)
        stage.wait_sent("RELEASE SAVEPOINT", 2)
        return trace


def canceled(stage, messages):
    with stage.holder():
        asked = Asked(stage.session, *messages)
        stage.wait_sent("LOOK", 2)
        wire.cancel(stage.proxy, stage.session)
        return asked.answer()


def under_autovacuum(stage, messages):
    with stage.cluster.connect(DATABASE) as admin:
        admin.execute(VACUUMED)
        wait_for(admin, VACUUM_HOLDS)
        return alone(stage, messages)


# Slow enough to go on for minutes.
VACUUMED = """
alter table table_a set (autovacuum_vacuum_threshold = 0,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_limit = 1,
    autovacuum_vacuum_cost_delay = 100);
insert into table_a select i, repeat('x', 500) from generate_series(1, 5000) i;
update table_a set filler = repeat('y', 500);
"""
VACUUM_HOLDS = """exists (select from pg_locks
join pg_stat_activity using (pid) where backend_type = 'autovacuum worker'
and relation = 'table_a'::regclass and granted)"""


@dataclass
class Case:
    title: str
    text: str
    messages: list
    play: object = alone
    settings: dict = field(default_factory=dict)
    before: tuple = ()  # simple Queries, which the page leaves out
    is_vacuumed: bool = False


OLD = {"gate_window": "10ms"}  # who is older is waited for
YOUNG = {"gate_window": "1s"}
OVER = {**OLD, "hold_timeout": "300ms"}
PATIENT = {"policy": "lock", "attempt_timeout": "4s"}
BEGUN = ("begin",)
INSERT = "insert into journal values (1)"
SIMPLE = [query(DROP)]
EXTENDED = [*extended(DROP), sync()]
BEGIN_IN_CYCLE = [*extended("begin"), *extended(DROP), sync()]
PIPELINE = [*extended(INSERT), *extended(DROP), sync()]

AT_ONCE = {"optimistic": "on"}

SECTIONS = {
    "At once": [
        Case("Nobody in the way",
             "The glance tells that nothing of a user's runs in the statement. "
             "Its own transaction takes back the settings that keep it cheap "
             "and short. Then the statement runs, with a bound on its waits "
             "for locks that is gone before anything else of the client's "
             "runs.",
             SIMPLE, settings=AT_ONCE),
        Case("Somebody in the way",
             "The run is undone, and a plan is made, as in the next section.",
             SIMPLE, held_until("NAMES", 1), {**YOUNG, **AT_ONCE}),
        Case("In a transaction of the client's",
             "Nobody else is connected, or it is soon over.",
             SIMPLE, settings=AT_ONCE, before=BEGUN),
        Case("In a transaction of the client's that lasts",
             "Somebody else is connected, who is to wait at the gate: after "
             "100 ms the idle session is asked by which names the tables are "
             "reached that its transaction keeps.",
             SIMPLE, among_others, AT_ONCE, before=BEGUN),
        Case("The extended protocol",
             "The server warns of a SET LOCAL outside of a block: so the bound "
             "is set by a function.",
             EXTENDED, settings=AT_ONCE),
        Case("A statement that the setting `guard` spares", "",
             [query("alter table table_c add column n int")],
             settings=AT_ONCE),
        Case("The next one of a session",
             "What the glance has told is assumed to hold on. Both questions "
             "fail where it does not, and then the server comes to nothing of "
             "what stands behind them.",
             SIMPLE, settings=AT_ONCE, before=("drop table journal",)),
        Case("The next one, in a transaction of the client's", "",
             SIMPLE, settings=AT_ONCE,
             before=("drop table journal", "begin")),
        Case("The next one that `guard` spares", "",
             [query("alter table table_c add column n int")],
             settings=AT_ONCE,
             before=("alter table journal add column m int",)),
    ],
    "A simple Query outside of a transaction": [
        Case("Nobody in the way",
             "The locks are held in a transaction of Lockstep's own, until its "
             "COMMIT. The snapshot under them is that of the plan: no "
             "transaction has ended since. Else the lock set would be asked "
             "for once more, and had it grown, they would be let go.",
             SIMPLE),
        Case("A view of the table",
             "The small question is for plain tables only. Where it says that "
             "one is not, the large one is asked, too.",
             [query("drop table journal")],
             before=("create view all_of_it as select n from journal",)),
        Case("Traffic in the way",
             "Somebody has read table_b in a transaction that began just now. "
             "An attempt that fails gives back what it took, and the table "
             "that failed goes first in the next one. The second attempt "
             "waits in the server's queue, for 20 ms at most. Then the gate "
             "is shut for the names of the tables, and the moment nobody is "
             "left in the way the locks are taken. Between all of these the "
             "session has no transaction open and waits for nothing.",
             SIMPLE, held_until("NAMES", 1), YOUNG),
        Case("policy = hold, an old transaction in the way",
             "Looks, until nobody is in the way. With policy = auto the first "
             "attempt comes before them.",
             SIMPLE, held_until("LOOK", 3), {**OLD, "policy": "hold"}),
        Case("policy = hold, an autovacuum in the way",
             "PostgreSQL ends an autovacuum for whoever waits for it as long "
             "as deadlock_timeout. Lockstep does so in a lock mode that delays "
             "no reader or writer, and lets go at once.",
             SIMPLE, under_autovacuum, {"policy": "hold"}, is_vacuumed=True),
        Case("policy = lock, somebody in the way",
             "Every attempt but the first waits, for attempt_timeout in all.",
             SIMPLE, held_until("LOCK TABLE", 2), PATIENT),
        Case("hold_timeout is over",
             "The last look is for the DETAIL of the error, which is "
             "Lockstep's own: the server has no transaction that would have "
             "to fail.",
             SIMPLE, refused, OVER),
        Case("Canceled while it is held",
             "The backend is idle, and is not told.",
             SIMPLE, canceled, OLD),
        Case("The statement itself fails",
             "Its error is the client's, and Lockstep's transaction ends.",
             [query("drop table table_a")]),
        Case("policy = pass",
             "The questions are for the log line; the statement runs as it "
             "came.",
             SIMPLE, settings={"policy": "pass"}),
        Case("policy = reject", "The same questions, and no statement.",
             SIMPLE, settings={"policy": "reject"}),
    ],
    "A simple Query with BEGIN and COMMIT in its text": [
        Case("Nobody in the way",
             "The text is cut just before the statement, so that the server's "
             "own ReadyForQuery tells where it stands; the client gets one. "
             "The rest is as in the next section.",
             [query(f"begin; {DROP}; commit")]),
    ],
    "A simple Query in a transaction of the client's": [
        Case("Nobody in the way",
             "A savepoint shields the client's transaction from errors in what "
             "is injected. The transaction will keep the locks, so the names "
             "for the gate are asked for before the first of them is taken.",
             SIMPLE, before=BEGUN),
        Case("gate_transaction = 0, nobody in the way",
             "The same without the gate.",
             SIMPLE, settings={"gate_transaction": "0"}, before=BEGUN),
        Case("gate_transaction = 0, the session has settings of its own",
             "They are set aside for each round trip, and set back in the same.",
             SIMPLE, settings={"gate_transaction": "0"},
             before=("begin", "set local enable_nestloop = off")),
        Case("policy = lock, somebody in the way",
             "An attempt that fails has given back what it took, and there is "
             "nothing else to take back.",
             SIMPLE, held_until("LOCK TABLE", 2), PATIENT, before=BEGUN),
        Case("hold_timeout is over",
             "The server's transaction must fail, not only the client's "
             "picture of it: its locks go, and what comes next meets a failed "
             "transaction.",
             SIMPLE, refused, OVER, before=BEGUN),
        Case("Canceled while it is held",
             "The server's transaction fails for the same reason.",
             SIMPLE, canceled, OLD, before=BEGUN),
    ],
    "The extended protocol outside of a transaction": [
        Case("Nobody in the way",
             "The cycle is kept back up to its Execute. The attempt begins the "
             "implicit transaction, a Flush leaves it open, and the client's "
             "own Sync ends it.",
             EXTENDED),
        Case("Traffic in the way",
             "A Sync of Lockstep's ends the implicit transaction of an "
             "attempt that failed.",
             EXTENDED, held_until("NAMES", 1), YOUNG),
        Case("hold_timeout is over",
             "The client's messages are never sent, but for the Sync.",
             EXTENDED, refused, OVER),
    ],
    "The extended protocol with BEGIN earlier in the same cycle": [
        Case("Nobody in the way",
             "Nothing but Flush may be used before the client's own Sync.",
             BEGIN_IN_CYCLE),
    ],
    "The extended protocol in an implicit transaction under way": [
        Case("Nobody in the way",
             "A Sync would commit what the client has sent before, so there "
             "is none but its own.",
             PIPELINE),
        Case("hold_timeout is over",
             "The error makes the server skip to the client's Sync, and takes "
             "the INSERT back.",
             PIPELINE, refused, OVER),
    ],
}

HEAD = f"""\
# What we inject, for a DBA

<!-- made by tests/e2e/test_injected.py; {RENEW} -->

All that Lockstep sends by itself goes over the client's own server connection, under the client's role, and only around
a guarded statement, but for `SHOW` of the session's timeouts (`lock_timeout`, `statement_timeout` and those for being idle)
where a statement waits at the gate, and for the names of tables that a transaction keeps for long behind one. This page is made of a server's log (`log_statement = all`, `log_min_messages = info`) and of the
bytes on their way to it, by a test that fails where they differ from what stands here.

There are a `table_a`, a `table_b` and a `table_c` with a foreign key to each; the guarded statement is `{DROP}`.

- Lines with an `L` in front are Lockstep's. The others are the client's own messages, as they came. `->` is what the server
  reported.
- Each statement of Lockstep's is five messages of the extended protocol: Parse, Bind, Close of the statement, Execute,
  Close of the portal, under a name that is used once: `_lockstep1`, `_lockstep2` and so on. The server's log has it as
  `execute _lockstep5/_lockstep5: ...`. The client's unnamed statement and portal stay what they were.
- Each Sync or Flush of Lockstep's is a round trip. What is repeated until something changes is shown once. While a statement is
  held there is also a `LOOK` for each NOTICE, from one second on.
- But for the first section, `optimistic` is off: what stands there is what follows where a run at once was undone, or
  was none.
- What begins in capitals and has no semicolon is long, and stands [at the end](#the-texts) of the page. `GLANCE`, `AS BEFORE`, `PLAIN NAMES`,
  `SETTINGS STILL UNSET`, `SESSION FACTS`, with or without `IN A BLOCK`, `SESSION SETTINGS`, `SMALL LOCK SET`, `LOCK SET`, `LOOK`, `NAMES` and `OWN NAMES` read catalogs and nothing else. `ATTEMPT` locks all tables or none. In a
  transaction each `LOOK` first lets the server forget what it had shown of the sessions.
- `PLAIN SETTINGS` sets aside those settings of the session that would make a question dear or change its answer, and tells
  how many these are; mostly none, and then it comes once. `SETTINGS BACK` sets them back where the transaction goes on,
  before anything of the client's runs. What the first one executes is parsed before it and closed behind it.
- An attempt reports by an INFO message with SQLSTATE `LKSTP`, which the client does not get: the number of locks when all
  are held; else the place, from 0, of the one that was not to be had. What no lock reaches, a table that the role may not
  `LOCK` for example, has an advisory lock of the transaction instead, (1282368363, OID), asked for first and never waited
  for: the places of these come behind the number of locks, and the detail names who has it.
"""


# -- the page ---------------------------------------------------------------

def describe(messages):
    """The client's messages in one line."""
    kinds = []
    for kind, text in frames_of(b"".join(messages)):
        kinds.append(FRONTEND[kind] + (f" `{text}`" if kind == "Q" else ""))
    return ", ".join(kinds)


def render_case(case, sent, trace):
    settings = ", ".join(f"`{name} = {value}`"
                         for name, value in case.settings.items())
    lines = [f"The client sends: {describe(case.messages)}"
             + "".join(f", behind `{text}`" for text in case.before) + ".",
             f"It gets: {render_answer(trace)}."]
    if settings:
        lines.append(f"Settings: {settings}.")
    prose = textwrap.fill(case.text, COLUMNS)
    return (f"### {case.title}\n\n{prose}\n\n" + "\n".join(lines)
            + f"\n\n```\n{render_sent(sent)}\n```\n")


def render_texts(texts):
    parts = ["## The texts\n"]
    for name in sorted(texts):
        parts.append(f"### {name}\n\n```\n{texts[name].strip()}\n```\n")
    return "\n".join(parts)


# -- playing ----------------------------------------------------------------

@pytest.fixture(scope="module")
def clusters(request):
    """Without autovacuum, and with one."""
    pg_bin = request.config.getoption("--pg-bin")
    vacuuming = {**SETTINGS, "autovacuum": "on", "autovacuum_naptime": "1s",
                 "deadlock_timeout": "1s"}
    with Cluster(pg_bin, SETTINGS) as quiet, \
            Cluster(pg_bin, vacuuming) as vacuumed:
        yield quiet, vacuumed


def play(cluster, case):
    """The case in Markdown, and the long texts that it has."""
    with cluster.connect() as admin:
        admin.execute(f"drop database if exists {DATABASE} with (force)")
        admin.execute(f"create database {DATABASE}")
    with cluster.connect(DATABASE) as admin:
        admin.execute(TABLES)
        page = Page(admin)
    with Tap(cluster) as tap, Lockstep(tap, {"optimistic": "off",
                                             **case.settings}) as proxy, \
            Wire(proxy, DATABASE) as session:
        for text in case.before:
            session.query(text)
        login = len(b"".join(tap.heard))
        stage = Stage(cluster, proxy, session)
        trace = case.play(stage, case.messages)
        sent = read_sent(stage.log(), session.pid,
                         b"".join(tap.heard)[login:], page,
                         sync() in case.messages)
    return render_case(case, sent, trace), page.texts


def play_like(cluster, case, page):
    """Once more where it is not in the page: on a machine that has much to
    do, somebody young may have become old meanwhile."""
    for _ in range(TRIES):
        shown, texts = play(cluster, case)
        if shown in page:
            break
    return shown, texts


def test_page(clusters):
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    parts = [HEAD]
    texts = {}
    for title, cases in SECTIONS.items():
        parts.append(f"## {title}\n")
        for case in cases:
            shown, its_texts = play_like(clusters[case.is_vacuumed], case,
                                         page)
            parts.append(shown)
            texts.update(its_texts)
    parts.append(render_texts(texts))
    made = "\n".join(parts)
    if os.environ.get("LOCKSTEP_RENEW"):
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(made)
        return
    changed = "\n".join(difflib.unified_diff(
        page.splitlines(), made.splitlines(), "docs/injected.md", "the server",
        lineterm=""))
    assert not changed, f"{changed}\n\nIf that is meant: {RENEW}"
