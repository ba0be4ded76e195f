"""gdb.py - look into a running Lockstep, or into its core.

    gdb -p PID -x scripts/gdb.py
    (gdb) lockstep sessions          a line for each, of every worker
    (gdb) lockstep session ID        its pair, pipeline, guard and exchange
    (gdb) lockstep exchanges         guarded statements under way

Nothing is called in the process, so it may be in any state; it stands still
while gdb holds it.  States are the enumerators' own names.
"""

import gdb


def server():
    """The running struct server."""
    # Optimised at link time it is told of twice, and only one has a place.
    places = [symbol.value()
              for symbol in gdb.lookup_static_symbols("server_for_debugger")]
    places = [value for value in places if not value.is_optimized_out]
    if not places:
        raise gdb.GdbError("this is no lockstep with debug information")
    if not places[0]:
        raise gdb.GdbError("it does not serve (yet, or any more)")
    return places[0].dereference()


def all_sessions():
    """(index of the worker, struct session) of every session."""
    running = server()
    for index in range(int(running["started"])):
        session = running["workers"][index]["sessions"]["list"]["lh_first"]
        while session:
            yield index, session.dereference()
            session = session["link"]["le_next"]


def text(value):
    """A char array, up to its NUL."""
    return value.string(errors="replace")


def enum(value, prefix):
    """An enum's value without the prefix of its names."""
    return str(value).removeprefix(prefix).lower()


def transaction(pipeline):
    code = int(pipeline["status"])
    return chr(code) if 32 < code < 127 else "?"


def pipeline_line(pipeline):
    line = (f"transaction {transaction(pipeline)}, "
            f"{int(pipeline['count'])} outstanding, "
            f"sent {int(pipeline['sent_seq'])}, "
            f"done {int(pipeline['done_seq'])}")
    if pipeline["skipping"]:
        line += " skipping"
    if pipeline["in_copy"]:
        line += " in copy"
    return line


def stream_line(stream):
    state = "open" if int(stream["fd"]) >= 0 and stream["handler"] \
        else "closed"
    return (f"{state}, fd {int(stream['fd'])}, "
            f"{'reads' if stream['is_reading'] else 'does not read'}, "
            f"{int(stream['out']['len'])} bytes wait to leave, "
            f"{'TLS' if stream['tls'] else 'in clear'}")


def inlet_line(inlet):
    line = f"{int(inlet['buffer']['len'])} bytes wait to be looked at"
    if inlet["pass_left"]:
        what = "dropped" if inlet["drops_rest"] else "passing"
        line += f", {int(inlet['pass_left'])} of a frame {what}"
    if inlet["is_eof"]:
        line += ", has ended"
    return line


def exchange_line(exchange):
    statement = exchange["log"]["statement"]
    return (f"{enum(exchange['phase'], 'EXCHANGE_')}, "
            f"guard {enum(exchange['guard']['state'], 'GUARD_AT_')}, "
            f"context {enum(exchange['context'], 'CONTEXT_')}, "
            f"{statement.string() if statement else 'no statement yet'}")


def session_line(index, session):
    pair = session["pair"]
    guarded = session["guarded"]
    line = (f"{int(pair['id'])}  worker {index}  "
            f"{enum(session['state'], 'SESSION_'):9}  "
            f"{text(pair['user'])}@{text(pair['database'])}  "
            f"{pipeline_line(pair['pipeline'])}")
    if guarded["watch"]["is_waiting"]:
        line += "  waits at the gate"
    if guarded["exchange"]:
        line += "  guards: " + exchange_line(guarded["exchange"])
    return line


def lease_line(lease):
    kept = [name for name, is_kept in
            (("the turn", lease["has_turn"]),
             ("the gate for a statement", lease["window"]),
             ("the gate for a transaction", lease["transaction"])) if is_kept]
    return ", ".join(kept) or "nothing"


def session_lines(session):
    """Everything about one session, a line each."""
    pair = session["pair"]
    guarded = session["guarded"]
    yield f"state      {enum(session['state'], 'SESSION_')}"
    yield f"pair       {text(pair['user'])}@{text(pair['database'])}"
    yield f"client     {stream_line(pair['client'])}"
    yield f"           {inlet_line(pair['from_client'])}"
    yield f"server     {stream_line(pair['server'])}"
    yield f"           {inlet_line(pair['from_server'])}"
    yield f"pipeline   {pipeline_line(pair['pipeline'])}"
    if pair["farewell"]["is_recorded"]:
        yield f"closing    {enum(pair['farewell']['reason'], 'CLOSE_')}"
    yield (f"guarded    {int(guarded['kept']['count'])} messages kept, "
           f"{int(guarded['injected'])} statements injected, keeps from "
           f"others: {lease_line(guarded['lease'])}")
    if guarded["watch"]["is_waiting"]:
        yield ("gate       waits for the window of session "
               f"{int(guarded['watch']['delayed_by'])}")
    if guarded["exchange"]:
        yield f"exchange   {exchange_line(guarded['exchange'])}"
        yield from field_lines(guarded["exchange"].dereference())


def field_lines(exchange):
    """The plain fields of an exchange that are not zero."""
    for field in exchange.type.fields():
        code = field.type.strip_typedefs().code
        if code in (gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_INT) and \
                exchange[field]:
            yield f"           {field.name} = {exchange[field]}"


class Lockstep(gdb.Command):
    """lockstep sessions | session ID | exchanges"""

    def __init__(self):
        super().__init__("lockstep", gdb.COMMAND_DATA, prefix=True)


class Sessions(gdb.Command):
    """List the sessions of every worker."""

    def __init__(self):
        super().__init__("lockstep sessions", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        count = 0
        for index, session in all_sessions():
            print(session_line(index, session))
            count += 1
        print(f"{count} sessions")


class Session(gdb.Command):
    """Print one session: its pair, pipeline, guard and exchange."""

    def __init__(self):
        super().__init__("lockstep session", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        if not argument.strip().isdigit():
            raise gdb.GdbError("lockstep session ID, as `lockstep sessions` "
                               "and the log have it")
        for _, session in all_sessions():
            if int(session["pair"]["id"]) == int(argument):
                print("\n".join(session_lines(session)))
                return
        raise gdb.GdbError(f"there is no session {argument}")


class Exchanges(gdb.Command):
    """List the guarded statements that are under way."""

    def __init__(self):
        super().__init__("lockstep exchanges", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for _, session in all_sessions():
            if session["guarded"]["exchange"]:
                print(f"session {int(session['pair']['id'])}: "
                      + exchange_line(session["guarded"]["exchange"]))


for command in (Lockstep, Sessions, Session, Exchanges):
    command()
