"""Migrations of several statements that people reported, each as the schema it
needs, its statements, and what an application does beside it.

Each of the application's transactions comes to the tables the other way round:
it holds what the migration wants last, and then wants what that has taken
first.
"""

from types import SimpleNamespace

TWO_TABLES = """
create table hot_a(id int primary key, kind text default 'x', old int);
create table hot_b(id int primary key, kind text default 'x', old int);
insert into hot_a(id) select generate_series(1, 100);
insert into hot_b(id) select generate_series(1, 100);
"""
READS = ("select count(*) from hot_b", "select count(*) from hot_a")
WRITES = ("update hot_b set kind = kind where id = {row}",
          "update hot_a set kind = kind where id = {row}")


def incident(schema, migration, application, done):
    """done: a query that is true once the migration is done."""
    return SimpleNamespace(schema=schema, migration=migration,
                           application=application, done=done)


def per_table(*texts):
    return [text.replace("$t", table)
            for table in ("hot_a", "hot_b") for text in texts]


INCIDENTS = {
    "triggers": incident(
        TWO_TABLES + """
create function note() returns trigger language plpgsql
    as 'begin return new; end';
create trigger event after update on hot_a for each row execute function note();
create trigger event after update on hot_b for each row execute function note();
""",
        per_table("drop trigger event on $t",
                  "create trigger event2 after update on $t "
                  "for each row execute function note()"),
        WRITES,
        "select count(*) = 2 from pg_trigger where tgname = 'event2'"),
    "detach": incident(
        """
create table hot_b(id int primary key);
create table hot_a(id int, b_id int references hot_b) partition by range (id);
create table hot_a_1 partition of hot_a for values from (0) to (10);
create table hot_a_2 partition of hot_a for values from (10) to (20);
""",
        ["alter table hot_a detach partition hot_a_1", "drop table hot_a_1"],
        READS, "select to_regclass('hot_a_1') is null"),
    "truncate": incident(
        TWO_TABLES, per_table("truncate $t"), READS,
        "select not exists (select from hot_b)"),
    "policies": incident(
        TWO_TABLES,
        per_table("create policy mine on $t using (true)",
                  "alter table $t enable row level security"),
        READS, "select count(*) = 2 from pg_policy where polname = 'mine'"),
    "enums": incident(
        TWO_TABLES + "create type kind as enum ('x', 'y');",
        per_table(
            "alter table $t alter column kind drop default",
            "alter table $t alter column kind type kind using kind::kind"),
        READS, "select pg_typeof(kind) = 'kind'::regtype from hot_b limit 1"),
    "indexes": incident(
        TWO_TABLES, per_table("create index $t_kind on $t (kind)"), WRITES,
        "select to_regclass('hot_b_kind') is not null"),
    "materialized": incident(
        """
create table base(id int);
create materialized view hot_a as select * from base;
create materialized view hot_b as select * from base;
insert into base values (1);
""",
        per_table("refresh materialized view $t"), READS,
        "select exists (select from hot_b)"),
    "columns": incident(
        TWO_TABLES, per_table("alter table $t drop column old"), READS,
        "select not exists (select from pg_attribute where attname = 'old' "
        "and attrelid = 'hot_b'::regclass)"),
    "keys": incident(
        TWO_TABLES + "create table owners(id int primary key);",
        per_table("alter table $t add foreign key (old) references owners"),
        WRITES, "select count(*) = 2 from pg_constraint where contype = 'f'"),
    "drops": incident(
        TWO_TABLES + """
create table of_a(id int, a_id int references hot_a);
create table of_b(id int, b_id int references hot_b);
""",
        ["drop table of_a", "drop table of_b"], READS,
        "select to_regclass('of_b') is null"),
}
