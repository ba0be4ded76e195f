"""One script of messages, played to the server and through Lockstep.

A script is data (differential_scripts.py): steps of messages, each with what
its answers end with, and what others do between them.  place() puts a guarded
statement before, amid or after it; play() plays it in one of the deliveries;
two plays are equal if every message that came back is, byte by byte, but for
what differs from session to session.
"""

import re
import socket
import time
from dataclasses import dataclass, field, replace

import injection
import program
import wire
from injection import Step
from wire import CLOSED, bind, execute, parse, query, sync

GUARDED = "drop table doomed"
NAME = "guarded"  # of our statement and portal
TO_THE_END = "!"  # no message has this type: what ends it is CLOSED
HELD_S = 0.3  # how long to look whether something is held
# With much less the kernel sends by a timer of 200 ms.
SMALL_BYTES = 4096

# Stands among the messages of a script where a guarded statement may.
AMID = object()


# -- scripts ----------------------------------------------------------------

@dataclass(frozen=True)
class Script:
    """steps: Step, or a function of a Scene that returns a trace or None."""
    steps: tuple
    # The server ends the session: nothing can come behind it.
    ends: bool = False

    def can_stand(self, where):
        if where == "amid":
            return any(AMID in step.messages for step in self.steps
                       if isinstance(step, Step))
        return where != "after" or not self.ends


def script(*steps, ends=False):
    """Bare lists of messages are steps, too."""
    return Script(tuple(Step(step) if isinstance(step, list) else step
                        for step in steps), ends)


def one_step(messages, ready=None):
    """A script of one step, with a place in its middle."""
    middle = len(messages) // 2
    if middle:
        messages = [*messages[:middle], AMID, *messages[middle:]]
    return script(Step(messages, ready=ready))


def is_in_cycle(messages):
    """Whether messages of the extended protocol wait for their Sync."""
    for m in reversed(messages):
        if m[:1] in b"QSF":
            return False
        if m[:1] in b"PBDEC":
            return True
    return False


def guarded_messages(in_cycle, prepared):
    """The guarded statement; what is prepared and open stays untouched."""
    run = [bind(NAME, NAME), execute(NAME)]
    if not in_cycle and not prepared:
        return [query(GUARDED)]
    messages = run if prepared else [parse(GUARDED, NAME), *run]
    return messages if in_cycle else [*messages, sync()]


def place(script, where, prepared=False):
    """The script's steps with the guarded statement there.

    where is before, amid, after, or None; prepared: once, at the start.
    """
    steps = []
    if prepared and where:
        steps.append(Step([parse(GUARDED, NAME), sync()]))
    if where == "before":
        steps.append(Step(guarded_messages(False, prepared)))
    sent = []
    for step in script.steps:
        if isinstance(step, Step):
            step = place_amid(step, sent, where == "amid", prepared)
            sent += step.messages
        steps.append(step)
    if where == "after":
        steps.append(Step(guarded_messages(False, prepared)))
    return steps


def place_amid(step, sent, is_wanted, prepared):
    if AMID not in step.messages:
        return step
    at = step.messages.index(AMID)
    before, behind = step.messages[:at], step.messages[at + 1:]
    put = guarded_messages(is_in_cycle([*sent, *before]), prepared) \
        if is_wanted else []
    ready = step.ready
    if ready is not None:
        ready += wire.ready_count(put)
    return replace(step, messages=[*before, *put, *behind], ready=ready)


# -- how it is delivered ----------------------------------------------------

@dataclass(frozen=True)
class Delivery:
    by: str = "packet"
    # The reader takes one byte at a time, and the kernel hardly more.
    trickles: bool = False
    # Where the bytes of each step are cut in two packets.
    cut: int = None


DELIVERIES = {
    "packet": Delivery(),
    "byte": Delivery("byte"),
    "trickle": Delivery(trickles=True),
}


class Session(program.Bare):
    """Nothing said yet; what comes is told exactly (see exact())."""

    def __init__(self, endpoint, delivery=DELIVERIES["packet"]):
        super().__init__(endpoint,
                         receive_bytes=SMALL_BYTES if delivery.trickles
                         else None)
        self.endpoint = endpoint
        self.delivery = delivery
        self.taken = 0

    @staticmethod
    def decode(kind, body):
        return exact(kind, body)

    def say(self, *messages):
        """As delivered; who has closed meanwhile is found out by reading."""
        try:
            if self.delivery.cut is None:
                self.send(*messages, by=self.delivery.by)
            else:
                self._say_in_two(b"".join(messages), self.delivery.cut)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _say_in_two(self, data, cut):
        cut %= max(len(data), 1)
        self.send(data[:cut])
        time.sleep(0.001)
        self.send(data[cut:])

    def _fill(self, size):
        if not self.delivery.trickles:
            return super()._fill(size)
        while len(self.unread) < size:
            try:
                byte = self.socket.recv(1)
            except ConnectionResetError:
                byte = b""
            if not byte:
                return False
            self.unread += byte
            self.taken += 1
            if self.taken % 1024 == 0:
                time.sleep(0.001)
        return True


# -- what came --------------------------------------------------------------

def exact(kind, body):
    """(type, content): undecoded, unless something in it must be masked."""
    if kind == "R":
        return kind, authentication(body)
    if kind == "K":
        return kind, (f"a key of {len(body) - 4} bytes",)
    if kind == "E":
        return kind, placeless(wire.decode(kind, body)[1])
    if kind in "ANTZS":
        return wire.decode(kind, body)
    return kind, body


def placeless(fields):
    """How far a COPY has come when a cancel hits it is a matter of time; and
    who is held in Lockstep waits for no lock that a server from 19 on names."""
    if ("C", "57014") not in fields:
        return fields
    return tuple((code, re.sub(r"^(COPY \w+, line) .*", r"\1 #", value))
                 for code, value in fields
                 if not (code == "W" and value.startswith("waiting for ")))


def authentication(body):
    """Salts and nonces go, all else stays."""
    code, data = int.from_bytes(body[:4], "big"), body[4:]
    if code == 5:
        return code, f"a salt of {len(data)} bytes"
    if code == 11:
        return code, [part[:2] + ("#" if part[:1] == "r" else part[2:])
                      for part in data.decode().split(",")]
    if code == 12:
        return code, f"{len(data)} bytes"
    return code, data


def lines(trace):
    """One message a line: pytest's diff then shows the one that differs."""
    return "\n".join(f"{kind} {content}" for kind, content in trace)


# -- the world --------------------------------------------------------------

STAGE = """
drop schema if exists public cascade;
create schema public;
create table parent (id int primary key);
create table other_parent (id int primary key);
create table child (id int, p int references parent);
create table copied (n int, t text);
create table journal (n int);
insert into parent values (1), (2), (3);
create function shout() returns void language plpgsql as
    $$ begin raise notice 'a notice'; end $$;
create function warn(level int) returns int language plpgsql as $$
begin
    raise warning 'level %', level using detail = 'a detail',
        hint = 'a hint', errcode = '01234';
    raise info 'information';
    return level;
end $$;
create function stall() returns int language plpgsql as
    $$ begin perform pg_advisory_xact_lock(5); return 5; end $$;
""" + injection.PROBE_VIEW

# The guarded statement's table; it can be made once more.
RESTORE = ("create table doomed (id int, p int references parent, "
           "o int references other_parent)")

STATE = """
select 'relation', relname::text from pg_class
 where relnamespace = 'public'::regnamespace
union all select 'journal', n::text from journal
union all select 'copied', copied::text from copied
order by 1, 2
"""


class Scene:
    """A session and those around it: admin is an autocommit connection."""

    def __init__(self, session, admin):
        self.session = session
        self.admin = admin
        self.leave = lambda: None  # whoever is in the way goes

    def wait_for(self, condition):
        """Until this holds of the session's row in pg_stat_activity."""
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while not self.admin.execute(
                f"select {condition} from pg_stat_activity where pid = %s",
                [self.session.pid]).fetchone()[0]:
            assert time.monotonic() < deadline, f"never: {condition}"
            time.sleep(0.002)

    def wait_gone(self):
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while self.admin.execute("select from pg_stat_activity "
                                 "where pid = %s", [self.session.pid]
                                 ).fetchone() is not None:
            assert time.monotonic() < deadline, "the backend stays"
            time.sleep(0.002)


# What others do between two steps.

def others_run(sql):
    def act(scene):
        scene.admin.execute(sql)
    return act


def cancel(scene):
    wire.cancel(scene.session.endpoint, scene.session)


def half_close(scene):
    scene.session.socket.shutdown(socket.SHUT_WR)


def stalled(scene):
    """It waits for the lock that stall() wants."""
    scene.wait_for("wait_event = 'advisory'")


def held(scene):
    """It waits for a table: in the server, or where nobody sees it."""
    return scene.session.read_unanswered(HELD_S)


def way_is_free(scene):
    scene.leave()


# -- playing ----------------------------------------------------------------

@dataclass
class Played:
    trace: list
    aftermath: list = field(default_factory=list)  # asked afterwards
    state: list = None  # the database, once the session is gone
    left: list = None   # locks that the session still has


def play_steps(scene, steps):
    trace = []
    for step in steps:
        if isinstance(step, Step):
            trace += play_step(scene.session, step)
        else:
            trace += step(scene) or []
        if trace and trace[-1] is CLOSED:
            break
    return trace


def play_step(session, step):
    session.say(*step.messages)
    if step.until:
        return session.read_until(step.until)
    ready = wire.ready_count(step.messages) if step.ready is None \
        else step.ready
    return session.read_ready(ready)


def still_in_step(session, had_guarded):
    """Nothing got out of step, and the session looks as it should.

    Where there was no guarded statement, one is guarded now.
    """
    texts = ["rollback", injection.PROBE]
    if not had_guarded:
        texts.append("drop table if exists child")
    return [m for text in texts for m in session.query(text)]


def has_guarded(steps):
    return any(GUARDED.encode() in message for step in steps
               if isinstance(step, Step) for message in step.messages)


def hinder(scene, text):
    """Another session is in the way until scene.leave is called."""
    other = wire.Wire(scene.session.endpoint, scene.admin.info.dbname)
    for each in "begin", text:
        assert wire.errors(other.query(each)) == []

    def leave():
        scene.leave = lambda: None
        other.query("rollback")
        other.close()

    scene.leave = leave


LEFT = """
select locktype, mode from pg_locks
 where pid = %s and locktype <> 'virtualxid' order by 1, 2
"""


def play(endpoint, admin, steps, delivery, hindered_by=None):
    """In a world made anew; somebody may have run that in a transaction."""
    database = admin.info.dbname
    admin.execute(STAGE + RESTORE)
    with Session(endpoint, delivery) as session:
        scene = Scene(session, admin)
        session.say(program.startup_packet(user="postgres",
                                           database=database))
        trace = session.read_ready()
        assert wire.status(trace) == "I", trace
        try:
            if hindered_by:
                hinder(scene, hindered_by)
            played = Played(trace + play_steps(scene, steps))
        finally:
            scene.leave()
        if played.trace[-1] is not CLOSED:
            played.aftermath = still_in_step(session,
                                             has_guarded(steps))
            played.left = admin.execute(LEFT, [session.pid]).fetchall()
    scene.wait_gone()
    played.state = admin.execute(STATE).fetchall()
    return played


def of_held(trace):
    """What a refusal of Lockstep's own is compared by.

    It tells of the wait, has no place in the server's source, and concerns
    the cycle as a whole: all of it had been kept back.
    """
    compared = []
    for kind, content in trace:
        if kind == "N":
            continue
        if kind == "E" and ("C", "57014") in content:
            while compared[-1][0] in "12n":
                compared.pop()
            content = tuple(field for field in content
                            if field[0] not in "FLR")
        compared.append((kind, content))
    return compared


def assert_same(direct, proxied, in_one_order=True, is_held=False):
    """in_one_order: what the server tells unasked comes where it did.

    Where statements of ours end, it may tell it earlier than it would.
    """
    for seen, expected in ((proxied.trace, direct.trace),
                           (proxied.aftermath, direct.aftermath)):
        if is_held:
            seen, expected = of_held(seen), of_held(expected)
        if in_one_order:
            assert lines(seen) == lines(expected)
            continue
        assert lines(wire.in_order(seen)) == lines(wire.in_order(expected))
        assert wire.asynchronous(seen) == wire.asynchronous(expected)
    assert proxied.state == direct.state
    assert proxied.left == direct.left
