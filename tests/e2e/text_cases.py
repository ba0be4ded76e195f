"""Texts of several statements, in which what one does changes what another
one locks: the world that they run in, and a table of them."""

WORLD = """
drop schema if exists s, s2 cascade;
create schema s;
create schema s2;
set search_path = s;
create table z (id int primary key, k int);
create table y (id int primary key, k int);
create table other (id int primary key);
create table c (id int primary key, a int, b int,
                y_id int constraint of_y references y);
create table d2 (id int, y_id int constraint d2_of_y references y,
                 c_id int constraint d2_of_c references c);
create table lone (id int);
create table part (id int primary key, z_id int constraint of_z references z)
    partition by range (id);
create table part1 partition of part for values from (0) to (10);
create table heir () inherits (y);
create sequence q;
create view v as select id from y;
create type mood as enum ('well', 'ill');
create table moody (m mood, y_id int references y);
create table s2.y2 (id int primary key);
create table s2.c (id int, y_id int references s2.y2);
create table s2.late (id int, z_id int references s.z);
insert into y values (1, 0);
insert into z values (1, 0);
"""

ADD_KEY = "alter table c add constraint f foreign key (id) references z"

# Each of one implicit transaction; the drop's locks depend on what is before.
TEXTS = [
    # a reference, and then the end of its table, column or constraint
    f"{ADD_KEY}; drop table c cascade",
    f"{ADD_KEY}; alter table c drop constraint f",
    f"{ADD_KEY}; alter table c drop column id cascade",
    f"{ADD_KEY}; drop table z cascade",
    f"{ADD_KEY}; truncate z cascade",
    f"{ADD_KEY}; alter table c rename to d; drop table d cascade",
    f"{ADD_KEY} not valid; alter table c validate constraint f; "
    "alter table c drop constraint f",
    "alter table lone add primary key (id); "
    "alter table c add foreign key (id) references lone; "
    "drop table lone cascade",
    "alter table c add column z_id int references z; drop table c cascade",
    "alter table c add column z_id int references z; "
    "alter table c drop column z_id",
    "alter table only lone add column z_id int references z, "
    "add column y_id int references y; drop table lone",
    # renamed
    "alter table c rename to d; drop table d cascade",
    "alter table c rename column y_id to x; alter table c drop column x",
    "alter table c rename constraint of_y to x; "
    "alter table c drop constraint x",
    "alter table c rename to d; alter table d rename to e; "
    "drop table e cascade",
    "alter table c rename to t; alter table lone rename to c; "
    "drop table t cascade; drop table c",
    "alter table c rename to t; alter table d2 rename to c; drop table c",
    "alter view v rename to w; drop view w",
    "alter type mood rename to state; drop type state cascade",
    "alter schema s2 rename to s3; drop schema s3 cascade",
    "alter sequence q rename to r; drop sequence r",
    "alter index c_pkey rename to x; drop table c cascade",
    "alter table c rename column id to n; "
    "alter table c add foreign key (n) references z; drop table c cascade",
    "alter table y rename to y9; truncate y9 cascade",
    # moved
    "alter table c set schema s2x; drop table s2x.c",
    "create schema s3; alter table c set schema s3; "
    "drop table s3.c cascade",
    "create schema s3; alter table c set schema s3; "
    "set local search_path = s3; drop table c cascade",
    "alter table s2.late set schema s; drop table late",
    "alter table lone rename to c2; alter table c2 set schema s2; "
    "drop table s2.c2",
    # other names by the search_path
    "set search_path = s2; drop table c",
    "set local search_path to s2, s; drop table c",
    "select set_config('search_path', 's2', true); drop table c",
    "set search_path = s2; alter table late drop column z_id",
    "set schema 's2'; truncate y2 cascade",
    "set search_path = s2; set search_path = s; drop table c cascade",
    "reset search_path; drop table s.c cascade",
    "drop schema s2 cascade; set search_path = s; drop table moody",
    # created
    "create table n (id int references z); drop table n",
    "create table n (id int references z); drop table z cascade",
    "create table n (id int); alter table n add foreign key (id) "
    "references z; drop table n",
    "create table n (id int primary key, z_id int references z, "
    "y_id int references y); drop table n; drop table c cascade",
    "create table n () inherits (y); drop table n",
    "create table n () inherits (y); drop table y cascade",
    "create table n (id int references z); truncate z cascade",
    "create table n as select 1 as id; "
    "alter table n add foreign key (id) references z; drop table n",
    "create view w as select id from z; drop view w",
    "create view w as select id from lone; drop table lone cascade",
    "create index i on lone (id); drop index i",
    "create index i on z (k); drop index i; drop table c cascade",
    "create unique index i on z (k); "
    "alter table lone add foreign key (id) references z (k); "
    "drop index i cascade",
    "create sequence r owned by lone.id; drop table lone",
    "create trigger t after insert on c for each row "
    "execute function suppress_redundant_updates_trigger(); "
    "drop trigger t on c",
    "create rule r as on insert to lone do also select 1; "
    "drop rule r on lone",
    "create table p2 partition of part for values from (10) to (20); "
    "drop table p2",
    "create statistics st on a, b from c; drop statistics st",
    "create domain w as int; alter table lone add column w w; "
    "drop domain w cascade",
    # dropped, and created again
    "drop table d2; create table d2 (z_id int references z); drop table d2",
    "drop table c cascade; create table c (z_id int references z); "
    "drop table c",
    "drop table if exists nothing; create table nothing "
    "(z_id int references z); drop table nothing",
    "drop view v; create view v as select id from z; drop view v",
    "alter table c drop constraint of_y; alter table c add constraint of_y "
    "foreign key (y_id) references z; alter table c drop constraint of_y",
    "alter table c drop column b; "
    "alter table c add column b int references z; "
    "alter table c drop column b",
    # taken apart, and put together
    "alter table part detach partition part1; drop table part1",
    "alter table part detach partition part1; drop table part cascade",
    "create table p2 (id int not null, z_id int); "
    "alter table part attach partition p2 for values from (10) to (20); "
    "drop table p2",
    "alter table part detach partition part1; alter table part1 "
    "rename to alone; drop table alone",
    "alter table heir no inherit y; drop table heir",
    "alter table lone add column k int, alter id set not null; "
    "alter table lone inherit y; drop table y cascade",
    # owned
    "alter sequence q owned by lone.id; drop table lone cascade",
    "alter sequence q owned by c.id; alter table c drop column id cascade",
    "alter table lone alter id set not null, "
    "alter id add generated always as identity; drop table lone",
    "alter table lone alter column id set default nextval('q'); "
    "drop sequence q cascade",
    # behind rows
    "update y set k = k + 1 where id = 1; drop table lone",
    "insert into other values (1); drop table c cascade",
    "drop table lone; update y set k = 1; drop table c cascade",
    "do $$ begin alter table s.c rename to d; end $$; drop table d cascade",
]
