"""asyncpg.  Statements are always prepared, results always binary."""

import asyncio
import io

import asyncpg

import in_python

STATE = "select c_state()"
CANCEL_AFTER_S = 0.5
NOTIFY_BOUND_S = 10


class Undo(Exception):
    pass


class Steps:
    def __init__(self, conninfo):
        self.fields = in_python.conninfo_fields(conninfo)
        self.conn = None

    async def open(self):
        conn = await asyncpg.connect(
            host=self.fields["host"], port=int(self.fields["port"]),
            user=self.fields["user"], database=self.fields["dbname"],
            passfile=None)
        return conn

    async def value(self, *args):
        return await self.conn.fetchval(*args)

    async def quiet_c(self):
        await self.value("select fresh_c()")

    async def refusal(self, text, **kwargs):
        """fetch: extended messages, unlike execute."""
        try:
            await self.conn.fetch(text, **kwargs)
        except asyncpg.PostgresError as problem:
            return problem
        raise AssertionError(f"no error: {text}")

    # -- steps

    async def version(self):
        return asyncpg.__version__

    async def connect(self):
        return await self.value("select current_user")

    async def simple(self):
        assert await self.conn.execute("select 1; select 2") == "SELECT 1"
        row = await self.conn.fetchrow("select 1 as one, 'two' as two")
        return f"{row['one']} {row['two']}"

    async def prepared(self):
        statement = await self.conn.prepare(in_python.SQUARE)
        values = []
        for i in 2, 3, 4:
            async with self.conn.transaction():
                values.append(await statement.fetchval(i))
        return " ".join(map(str, values))

    async def parameters(self):
        return in_python.parameters_text(*await self.conn.fetchrow(
            "select $1::int4, $2::text, $3::text, $4::bytea, $5::int4[]",
            42, "Zoë's \"x\\y\"", None, b"\x00\xff\x27", [1, None, 3]))

    async def cursor(self):
        values = []
        async with self.conn.transaction():
            async for row in self.conn.cursor(
                    "select generate_series(1, 2000)", prefetch=100):
                values.append(row[0])
        return f"{len(values)} rows, sum {sum(values)}"

    async def copy_in(self):
        """Binary, as asyncpg prefers it."""
        await self.conn.copy_records_to_table(
            "copied", records=[(i, f"name {i}") for i in range(1, 5001)])
        row = await self.conn.fetchrow("select count(*), sum(id) from copied")
        return "%s rows, sum %s" % tuple(row)

    async def copy_out(self):
        out = io.BytesIO()
        await self.conn.copy_from_table("copied", output=out)
        data = out.getvalue()
        lines = data.count(b"\n")
        return f"{lines} lines, {len(data)} bytes"

    async def copy_error(self):
        try:
            await self.conn.copy_to_table(
                "copied", source=io.BytesIO(in_python.BAD_ROWS.encode()))
        except asyncpg.PostgresError as problem:
            return f"{problem.sqlstate}, then {await self.value('select 1')}"

    async def batch(self):
        await self.conn.executemany("insert into batched values ($1)",
                                    [[i] for i in range(1, 101)])
        row = await self.conn.fetchrow("select count(*), sum(id) from batched")
        return "%s rows, sum %s" % tuple(row)

    async def notify(self):
        heard = asyncio.Queue()
        await self.conn.add_listener(
            "told", lambda conn, pid, channel, text: heard.put_nowait(text))
        other = await self.open()
        await other.execute("notify told, 'amid'")
        while heard.empty():
            await self.value("select 1")
        await other.execute("notify told, 'idle'")
        told = [await asyncio.wait_for(heard.get(), NOTIFY_BOUND_S)
                for _ in range(2)]
        await other.close()
        await self.conn.reset()  # UNLISTEN *, RESET ALL and more
        return " ".join(told)

    async def notice(self):
        heard = []

        def hear(_conn, message):
            heard.append(message.message)

        await self.quiet_c()
        self.conn.add_log_listener(hear)
        try:
            async with self.conn.transaction():
                await self.conn.fetch("drop table table_a cascade")
                raise Undo
        except Undo:
            pass
        self.conn.remove_log_listener(hear)
        return " ".join(heard)

    async def canceled(self, text):
        """Its time-outs cancel: the request goes to the server, then the
        connection is usable; the error itself is Python's."""
        try:
            await self.conn.fetch(text, timeout=CANCEL_AFTER_S)
        except asyncio.TimeoutError:
            await self.value("select 1")  # the request is under way
            return "timeout"
        raise AssertionError(f"not canceled: {text}")

    async def cancel(self):
        told = await self.canceled("select pg_sleep(60)")
        return f"{told}, then {await self.value('select 1')}"

    async def cancel_drop(self):
        await self.quiet_c()
        holder = await self.open()
        await holder.execute("begin; select * from table_a")
        told = await self.canceled("drop table table_c")
        await holder.close()
        return f"{told}, then {await self.value(STATE)}"

    async def unique(self):
        problem = await self.refusal("insert into items values (2, 'one')")
        return (f"{problem.sqlstate} {problem.constraint_name} "
                f"{problem.detail}")

    async def at(self, text):
        problem = await self.refusal(text)
        return f"{problem.sqlstate} at {problem.position}"

    async def syntax(self):
        return await self.at("select * form items")

    async def syntax_drop(self):
        return await self.at("drop table if exits table_c")

    async def missing_drop(self):
        await self.quiet_c()
        problem = await self.refusal("drop table table_c, nosuch")
        return (f"{problem.sqlstate} {problem.message}, "
                f"then {await self.value(STATE)}")

    async def restrict_drop(self):
        await self.quiet_c()
        problem = await self.refusal("drop table table_a")
        return f"{problem.sqlstate} {problem.detail}"

    async def undone(self, *args):
        try:
            async with self.conn.transaction():
                await self.conn.fetch(*args)
                raise Undo
        except Undo:
            pass

    async def transactions(self):
        insert = "insert into items values ($1, $2)"
        async with self.conn.transaction():
            await self.conn.fetch(insert, 10, "ten")
        await self.undone(insert, 11, "eleven")
        async with self.conn.transaction():
            await self.conn.fetch(insert, 12, "twelve")
            await self.undone(insert, 13, "thirteen")
        return await self.value(
            "select string_agg(id::text, ' ' order by id) "
            "from items where id between 10 and 13")

    async def failed(self):
        told = []
        transaction = self.conn.transaction()
        await transaction.start()
        for text in "select 1 / 0", "select 1":
            told.append((await self.refusal(text)).sqlstate)
        await transaction.rollback()
        return f"{' '.join(told)}, then {await self.value('select 1')}"

    async def drop(self):
        await self.quiet_c()
        await self.conn.fetch("drop table table_c")
        return await self.value(STATE)

    async def in_transaction(self, text):
        await self.quiet_c()
        async with self.conn.transaction():
            await self.conn.fetch(text)
        return await self.value(STATE)

    async def drop_column(self):
        return await self.in_transaction(in_python.DROPS[1])

    async def drop_undone(self):
        await self.quiet_c()
        await self.undone(in_python.DROPS[1])
        return await self.value(STATE)

    async def drop_constraint(self):
        return await self.in_transaction(in_python.DROPS[2])

    async def drop_prepared(self):
        statement = await self.conn.prepare("drop table table_c")
        told = []
        for _ in range(2):
            await self.quiet_c()
            await statement.fetch()
            told.append(await self.value(STATE))
        return " ".join(told)

    async def drop_script(self):
        await self.quiet_c()
        await self.conn.execute("begin; drop table table_c; commit")
        return await self.value(STATE)

    async def round(self, i):
        try:
            if i % 4 == 0:
                await self.conn.execute(in_python.DROPS[0])
            elif i % 4 == 3:
                await self.conn.fetch(in_python.DROPS[0])
            else:
                async with self.conn.transaction():
                    await self.conn.fetch(in_python.DROPS[i % 4])
            return "done"
        except asyncpg.PostgresError as problem:
            return problem.sqlstate

    async def loaded(self, rounds):
        ended = []
        for i in range(int(rounds)):
            await self.value("select make_c()")
            ended.append(await self.round(i))
            await self.value("select remove_c()")
        return in_python.counts_text(ended)


async def main():
    conninfo, _mode, asked = in_python.arguments()
    steps = Steps(conninfo)
    steps.conn = await steps.open()
    for name, argument in asked:
        try:
            outcome = await getattr(steps, name)(*filter(None, [argument]))
        except (asyncpg.PostgresError, OSError) as problem:
            outcome = in_python.unexpected(problem)
        in_python.tell(name, outcome)
    await steps.conn.close()


asyncio.run(main())
