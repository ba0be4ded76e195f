"""What a client sees of a COMMIT that is ours, where the server's own was.

A guarded statement alone in its text runs in a block of Lockstep's.  What
fails, or speaks, at its end must come as if the server had ended its
transaction itself: the same messages in the same order, and nothing said of
a statement that was undone.
"""
import re

import pytest

from wire import Wire, query

DATABASE = "e2e_our_commit"
STAGE = """
    drop schema public cascade;
    create schema public;
    create table parent (id int primary key);
    create table child (id int references parent);
    create table fails (id int);
    create table speaks (id int);
    create function fail() returns trigger language plpgsql as $$ begin
        raise notice 'fails soon'; raise exception 'fails late'; end $$;
    create function speak() returns trigger language plpgsql as $$ begin
        raise notice 'speaks late';
        notify ear, 'late';
        perform set_config('application_name', 'late', false);
        return null;
    end $$;
    create constraint trigger late after insert on fails
        deferrable initially deferred for each row execute function fail();
    create constraint trigger late after insert on speaks
        deferrable initially deferred for each row execute function speak();
    create function on_truncate() returns trigger language plpgsql as $$ begin
        raise notice 'truncated';
        execute format('insert into %I values (1)', tg_argv[0]);
        return null;
    end $$;
    create table to_fail (id int references parent);
    create table to_speak (id int references parent);
    create trigger now after truncate on to_fail
        for each statement execute function on_truncate('fails');
    create trigger now after truncate on to_speak
        for each statement execute function on_truncate('speaks');
"""
TEXTS = {
    "fails": "truncate to_fail, child",
    "speaks": "truncate to_speak, child",
    "is quiet": "truncate child, parent, to_fail, to_speak",
}
SAID = {
    "as usual": "select 1",
    "duration": "set client_min_messages = log; set log_duration = on",
    "duration and text": "set client_min_messages = log;"
                         " set log_min_duration_statement = 0",
    "statistics": "set client_min_messages = log;"
                  " set log_statement_stats = on",
}
DIGITS = re.compile(rb"\d+(\.\d+)?")


@pytest.fixture(scope="module")
def stage(cluster):
    with cluster.connect() as admin:
        admin.execute(f"create database {DATABASE}")
        with cluster.connect(DATABASE) as connection:
            yield connection
        admin.execute(f"drop database {DATABASE} with (force)")


def frames_of(endpoint, stage, said, text):
    """Each message that came back; numbers of logs are not compared."""
    stage.execute(STAGE)
    with Wire(endpoint, DATABASE) as session:
        session.query("listen ear")
        session.query(said)
        session.send(query(text))
        frames = []
        while not frames or frames[-1][0] != "Z":
            kind, body = session.read_frame()
            if kind == "N" and b"VLOG\0" in body:
                body = DIGITS.sub(b"#", body)
            if kind == "A":
                body = body[4:]  # behind the process's number
            frames.append((kind, body))
        assert session.query("select 1")[-1] == ("Z", ("I",))
    return frames


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("optimistic", ["on", "off"])
def test_our_commit_looks_like_the_servers(cluster, start_lockstep, stage,
                                           optimistic, said, text):
    lockstep = start_lockstep(optimistic=optimistic)
    direct = frames_of(cluster, stage, SAID[said], TEXTS[text])
    proxied = frames_of(lockstep, stage, SAID[said], TEXTS[text])
    if said == "statistics":  # are of the server's COMMIT, too: not compared
        direct, proxied = ([frame for frame in frames if frame[0] != "N"]
                           for frames in (direct, proxied))
    assert proxied == direct
