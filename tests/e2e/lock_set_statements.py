"""Random statements over a World: all that is guarded."""

from lock_set_world import COLUMNS, FREE_BOUND, ROLES, SCHEMAS, quote

# ALTER x ... OWNER TO, RENAME TO, SET SCHEMA.
WORDS = {"table": "TABLE", "partitioned": "TABLE", "view": "VIEW",
         "matview": "MATERIALIZED VIEW", "sequence": "SEQUENCE",
         "foreign": "FOREIGN TABLE"}

TABLES = ("table", "partitioned")


class Statements:
    def __init__(self, world):
        self.world = world
        self.rng = world.rng

    # --- words

    def chance(self, share):
        return self.rng.random() < share

    def one(self, *choices):
        return self.rng.choice(choices)

    def pick(self, *kinds):
        return self.world.pick(*kinds)

    def written(self, thing):
        """A name as a statement may have it."""
        if thing.schema is None and thing.kind in WORDS:
            return self.one(quote(thing.name),
                            "pg_temp." + quote(thing.name))
        if self.chance(0.15):  # left to the search_path, found or not
            return quote(thing.name)
        return thing.sql

    def several(self, *kinds):
        count = self.one(1, 1, 1, 2, 2, 3, 4)
        found = [self.pick(*kinds) for _ in range(count)]
        return [r for r in dict.fromkeys(found) if r is not None]

    def tail(self):
        return self.one("", " CASCADE", " CASCADE", " RESTRICT")

    def exists(self):
        return self.one("", "", "", "IF EXISTS ")

    def only(self):
        return self.one("", "", "", "", "ONLY ")

    def column(self):
        return self.one(*COLUMNS, *COLUMNS, "e")

    def constraint(self, relation, kind="constraints"):
        """The name of one that it may have."""
        family = [relation] + relation.parents
        names = [c for r in family for c in getattr(r, kind)]
        if not names or self.chance(0.1):  # the second: from 18 on
            names = ["nothing", f"{relation.name}_id_not_null"]
        return quote(self.rng.choice(names))

    def bound(self):
        low = FREE_BOUND + 10 * self.rng.randint(0, 50)
        return self.one(f"FOR VALUES FROM ({low}) TO ({low + 10})",
                        f"FOR VALUES FROM ({low}) TO ({low + 10})", "DEFAULT")

    # --- DROP

    def drop(self):
        kinds = {"TABLE": TABLES, "VIEW": ("view",),
                 "MATERIALIZED VIEW": ("matview",), "SEQUENCE": ("sequence",),
                 "FOREIGN TABLE": ("foreign",)}
        word = self.one(*["TABLE"] * 6, *kinds)
        names = [self.written(r) for r in self.several(*kinds[word])]
        exists = ""
        if self.chance(0.3):
            exists = "IF EXISTS "
            names += self.rng.sample(["nothing", "no.where",
                                      '"S""2; --"."no"'],
                                     self.rng.randint(0, 2))
            self.rng.shuffle(names)
        if not names:
            return None
        return f"DROP {word} {exists}{', '.join(names)}{self.tail()}"

    def drop_index(self):
        index = self.world.pick_thing("index")
        if index is None:
            return None
        return f"DROP INDEX {self.exists()}{index.sql}{self.tail()}"

    def drop_part(self):
        part = self.world.pick_thing("trigger", "rule", "policy")
        if part is None:
            return None
        return (f"DROP {part.kind.upper()} {self.exists()}{quote(part.name)} "
                f"ON {self.written(part.table)}{self.tail()}")

    def drop_object(self):
        words = {"enum": "TYPE", "composite": "TYPE", "range": "TYPE",
                 "domain": "DOMAIN", "collation": "COLLATION",
                 "shell": "TYPE", "dictionary": "TEXT SEARCH DICTIONARY",
                 "configuration": "TEXT SEARCH CONFIGURATION",
                 "statistics": "STATISTICS", "extension": "EXTENSION"}
        thing = self.world.pick_thing(*words)
        if thing is None:
            return None
        names = [self.written(thing)]
        other = self.world.pick_thing(thing.kind)
        if other is not thing:
            names.append(self.written(other))
        return (f"DROP {words[thing.kind]} {self.exists()}"
                f"{', '.join(names)}{self.tail()}")

    def drop_method(self):
        words = {"opclass": "OPERATOR CLASS", "opfamily": "OPERATOR FAMILY"}
        thing = self.world.pick_thing(*words)
        if thing is None:
            return None
        return (f"DROP {words[thing.kind]} {self.exists()}"
                f"{self.written(thing)} USING btree{self.tail()}")

    def drop_routine(self):
        words = {"function": ("FUNCTION", "ROUTINE"),
                 "trigger function": ("FUNCTION",),
                 "procedure": ("PROCEDURE", "ROUTINE"),
                 "aggregate": ("AGGREGATE",)}
        thing = self.world.pick_thing(*words)
        if thing is None:
            return None
        name = self.written(thing)
        if thing.kind == "aggregate" or self.chance(0.7):
            name += f"({', '.join(thing.arguments)})"
        return (f"DROP {self.one(*words[thing.kind])} {self.exists()}{name}"
                f"{self.tail()}")

    def drop_operator(self):
        thing = self.world.pick_thing("operator")
        if thing is None:
            return None
        schema = quote(thing.schema) + "." if self.chance(0.8) else ""
        return (f"DROP OPERATOR {self.exists()}{schema}{thing.name} "
                f"({', '.join(thing.arguments)}){self.tail()}")

    def drop_much(self):
        roles = [quote(r) for r in ROLES] + ["CURRENT_USER"]
        return self.one(
            f"DROP SCHEMA {quote(self.one(*SCHEMAS))}{self.tail()}",
            f"DROP SCHEMA IF EXISTS nothing, {quote(self.one(*SCHEMAS))}, "
            f"{quote(self.one(*SCHEMAS))} CASCADE",
            f"DROP OWNED BY {self.one(*roles)}{self.tail()}",
            f"DROP OWNED BY {', '.join(map(quote, ROLES))} CASCADE",
            f"DROP SERVER nowhere{self.tail()}",
            f"DROP FOREIGN DATA WRAPPER nothing{self.tail()}",
            f"DROP LANGUAGE spoken{self.tail()}")

    # --- ALTER TABLE

    def drop_clause(self, r):
        if self.chance(0.6):
            return (f"DROP CONSTRAINT {self.exists()}{self.constraint(r)}"
                    f"{self.tail()}")
        return (f"DROP {self.one('COLUMN ', 'COLUMN ', '')}{self.exists()}"
                f"{quote(self.column())}{self.tail()}")

    def key_clause(self, r):
        parent = self.pick(*TABLES)
        name = quote(f"new{self.rng.randint(1, 99)}")
        if self.chance(0.3):
            return (f"ADD COLUMN {name} int REFERENCES "
                    f"{self.written(parent)}")
        valid = self.one("", "", " NOT VALID")
        key = self.world.key_sql(parent)
        if self.world.keys and self.chance(0.4):  # a partition's, perhaps
            key = self.one(*self.world.keys)
        return f"ADD CONSTRAINT {name} FOREIGN KEY {key}{valid}"

    def add_clause(self, r):
        name = quote(f"new{self.rng.randint(1, 99)}")
        a, b = self.rng.sample(COLUMNS, 2)
        return self.one(
            f"ADD COLUMN {name} int", f"ADD COLUMN {name} int DEFAULT 7",
            f"ADD COLUMN {name} serial",
            f"ADD COLUMN {name} int GENERATED ALWAYS AS IDENTITY",
            f"ADD CHECK ({a} > 0)", f"ADD CHECK ({a} > 0) NO INHERIT",
            f"ADD CONSTRAINT {name} CHECK ({a} > 0) NOT VALID",
            f"ADD UNIQUE ({a}, {b})", f"ADD PRIMARY KEY ({a})",
            f"ADD EXCLUDE USING btree ({a} WITH =)")

    def column_clause(self, r):
        column = quote(self.column())
        return f"ALTER COLUMN {column} " + self.one(
            "SET NOT NULL", "DROP NOT NULL", "SET DEFAULT 1", "DROP DEFAULT",
            "SET STATISTICS 100", "SET STORAGE PLAIN",
            "SET (n_distinct = 10)", "RESET (n_distinct)",
            "ADD GENERATED ALWAYS AS IDENTITY", "DROP IDENTITY IF EXISTS",
            "DROP EXPRESSION IF EXISTS", "SET INCREMENT 2")

    def type_clause(self, r):
        return (f"ALTER COLUMN {quote(self.column())} TYPE "
                + self.one("bigint", "bigint", "int"))

    def table_clause(self, r):
        trigger = [t for t in self.world.things
                   if t.kind == "trigger" and t.table is r]
        named = self.one(*[quote(t.name) for t in trigger], "nothing")
        trigger = self.one(named, "ALL", "USER")
        rule = [t for t in self.world.things
                if t.kind == "rule" and t.table is r]
        rule = self.one(*[quote(t.name) for t in rule], "nothing")
        index = quote(self.one(*r.indexes, "nothing"))
        return self.one(
            f"ENABLE TRIGGER {trigger}", f"DISABLE TRIGGER {trigger}",
            f"ENABLE ALWAYS TRIGGER {named}",
            f"DISABLE RULE {rule}", f"ENABLE REPLICA RULE {rule}",
            "ENABLE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY",
            "SET (fillfactor = 70)", "RESET (autovacuum_enabled)",
            "SET WITHOUT CLUSTER", f"CLUSTER ON {index}",
            "SET UNLOGGED", "SET LOGGED", "REPLICA IDENTITY FULL",
            f"OWNER TO {quote(self.one(*ROLES))}",
            f"ALTER CONSTRAINT {self.constraint(r, 'keys')} DEFERRABLE",
            f"ADD UNIQUE USING INDEX {index}", "NOT OF")

    def enforce_clause(self, r):
        return f"ALTER CONSTRAINT {self.constraint(r, 'keys')} " + self.one(
            "ENFORCED", "NOT ENFORCED", "NOT ENFORCED", "INHERIT",
            "NO INHERIT")

    def alter(self):
        relation = self.pick(*TABLES)
        keyed = [r for r in self.world.relations if r.keys]
        if keyed and self.chance(0.3):
            relation = self.rng.choice(keyed)
        ancestors = [p for r in self.world.relations for p in r.parents
                     if p.kind in TABLES]
        if ancestors and self.chance(0.3):
            relation = self.rng.choice(ancestors)
        if relation is None:
            return None
        makers = [self.drop_clause, self.drop_clause, self.drop_clause,
                  self.key_clause, self.key_clause, self.add_clause,
                  self.column_clause, self.type_clause, self.type_clause,
                  self.table_clause, self.validate_clause]
        if self.world.version >= 18:
            makers.append(self.enforce_clause)
        count = self.one(1, 1, 1, 1, 2, 3)
        commands = [self.rng.choice(makers)(relation) for _ in range(count)]
        return (f"ALTER TABLE {self.exists()}{self.only()}"
                f"{self.written(relation)} {', '.join(commands)}")

    def validate_clause(self, r):
        return f"VALIDATE CONSTRAINT {self.constraint(r, 'keys')}"

    def inherit(self):
        r, p = self.pick("table"), self.pick("table")
        for child in self.world.relations:
            if child.parents and self.chance(0.3):
                r, p = child, child.parents[0]
        if r is None:
            return None
        return (f"ALTER TABLE {self.written(r)} {self.one('', 'NO ')}INHERIT "
                f"{self.written(p)}")

    def detach(self):
        pairs = [(p, r) for r in self.world.relations for p in r.parents
                 if p.kind == "partitioned" and r.kind != "spare"]
        if not pairs:
            return None
        parent, partition = self.rng.choice(pairs)
        return (f"ALTER TABLE {self.written(parent)} DETACH PARTITION "
                f"{self.written(partition)}")

    def attach(self):
        spare = self.pick("spare")
        if spare is None:
            return None
        return (f"ALTER TABLE {self.written(spare.parents[0])} ATTACH "
                f"PARTITION {self.written(spare)} {self.bound()}")

    def rename(self):
        """OWNER, SCHEMA and RENAME of any kind of relation."""
        r = self.pick(*WORDS)
        if r is None:
            return None
        alter = f"ALTER {WORDS[r.kind]} {self.exists()}{self.written(r)} "
        choice = self.rng.randint(0, 4)
        if choice == 0:
            return alter + f"OWNER TO {self.one(*map(quote, ROLES))}"
        if choice == 1:
            return alter + f"SET SCHEMA {quote(self.one(*SCHEMAS))}"
        if choice == 2:
            if self.chance(0.2):  # any relation may be called so here
                return f"ALTER INDEX {self.written(r)} RENAME TO renamed"
            return alter + "RENAME TO renamed"
        if choice == 3 and r.kind in TABLES:
            return (f"ALTER TABLE {self.only()}{self.written(r)} RENAME "
                    f"CONSTRAINT {self.constraint(r)} TO renamed")
        if r.kind == "sequence":
            return None
        return alter + f"RENAME COLUMN {quote(self.column())} TO renamed"

    def alter_part(self):
        part = self.world.pick_thing("trigger", "rule", "policy", "index")
        if part is None:
            return None
        if part.kind == "index":
            return self.one(f"ALTER INDEX {part.sql} RENAME TO renamed",
                            f"ALTER TABLE {part.sql} RENAME TO renamed",
                            f"ALTER INDEX {part.sql} SET (fillfactor = 50)")
        if part.kind == "policy" and self.chance(0.5):
            return (f"ALTER POLICY {quote(part.name)} ON "
                    f"{self.written(part.table)} TO PUBLIC")
        return (f"ALTER {part.kind.upper()} {quote(part.name)} ON "
                f"{self.written(part.table)} RENAME TO renamed")

    def alter_sequence(self):
        r, t = self.pick("sequence"), self.pick("table")
        if r is None or t is None:
            return None
        return f"ALTER SEQUENCE {self.written(r)} " + self.one(
            "RESTART", "MAXVALUE 1000", f"OWNED BY {t.sql}.a",
            "OWNED BY NONE")

    # --- CREATE

    def create_table(self):
        schema = quote(self.one(*SCHEMAS))
        parents = self.several(*TABLES)
        if not parents:
            return None
        columns = ", ".join(
            f"a{i} int REFERENCES {self.written(p)}"
            for i, p in enumerate(parents))
        partitioned = self.pick("partitioned")
        plain = self.several("table")
        choice = self.rng.randint(0, 3)
        if choice == 0 and partitioned is not None:
            keys = ""
            if self.chance(0.3):
                keys = (f" (FOREIGN KEY (a) REFERENCES "
                        f"{self.written(parents[0])})")
            tail = self.one("", "", " PARTITION BY RANGE (id)")
            return (f"CREATE TABLE {schema}.made PARTITION OF "
                    f"{self.written(partitioned)}{keys} {self.bound()}{tail}")
        if choice == 1 and plain:
            return (f"CREATE TABLE {schema}.made (FOREIGN KEY (a) REFERENCES "
                    f"{self.written(parents[0])}) INHERITS ("
                    + ", ".join(self.written(p) for p in plain) + ")")
        if choice == 2:
            return (f"CREATE SCHEMA made CREATE TABLE made ({columns}) "
                    f"CREATE TABLE made2 ({columns})")
        return f"CREATE TABLE {schema}.made ({columns})"

    def create_part(self):
        r = self.pick(*TABLES, "view")
        o = self.pick(*TABLES, "view")
        if r is None:
            return None
        return self.one(
            f"CREATE TRIGGER made AFTER INSERT ON {self.written(r)} FOR EACH "
            f"{self.one('ROW', 'STATEMENT')} EXECUTE FUNCTION "
            "public.nothing()",
            f"CREATE CONSTRAINT TRIGGER made AFTER INSERT ON "
            f"{self.written(r)} FROM {o.sql} FOR EACH ROW EXECUTE FUNCTION "
            "public.nothing()",
            f"CREATE RULE made AS ON UPDATE TO {self.written(r)} DO ALSO "
            f"DELETE FROM {self.written(o)} WHERE a = 1",
            f"CREATE RULE made AS ON INSERT TO {self.written(r)} DO ALSO "
            f"INSERT INTO {o.sql} (id) SELECT 1",
            f"CREATE RULE made AS ON DELETE TO {self.written(r)} DO NOTHING",
            f"CREATE POLICY made ON {self.written(r)} USING (EXISTS (SELECT "
            f"FROM {o.sql}))",
            f"CREATE STATISTICS made ON a, b FROM {self.written(r)}")

    def create_index(self):
        r = self.pick(*TABLES, "matview", "foreign")
        if r is None:
            return None
        unique = self.one("", "", "UNIQUE ")
        a, b = self.rng.sample(COLUMNS, 2)
        return (f"CREATE {unique}INDEX ON {self.only()}{self.written(r)} "
                f"({a}, {b})")

    def refresh(self):
        r = self.pick("matview")
        if r is None:
            return None
        return (f"REFRESH MATERIALIZED VIEW {self.written(r)}"
                + self.one("", " WITH NO DATA"))

    def replace_view(self):
        view = self.pick("view")
        if view is None:
            return None
        name = self.written(view)
        if self.chance(0.1):
            return f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT 1 AS a"
        columns = self.world.conn.execute(
            "SELECT pg_catalog.pg_get_viewdef(pg_catalog.to_regclass(%s))",
            [view.sql]).fetchone()[0]
        if columns is None or self.chance(0.1):
            columns = "SELECT 1 AS a"
        return (f"CREATE OR REPLACE VIEW {name} AS "
                + " ".join(columns.rstrip(";").split()))

    # --- what is no relation

    def domain(self):
        domain = self.world.pick_thing("domain")
        if domain is None:
            return None
        late = self.one(*domain.constraints, "nothing")
        return f"ALTER DOMAIN {self.written(domain)} " + self.one(
            "SET NOT NULL", "SET NOT NULL", "DROP NOT NULL",
            "ADD CHECK (VALUE IS NULL OR true)",
            "ADD CHECK (VALUE IS NULL OR true) NOT VALID",
            "DROP DEFAULT", f"VALIDATE CONSTRAINT {quote(late)}")

    def composite(self):
        thing = self.world.pick_thing("composite")
        if thing is None:
            return None
        tail = self.one("", " CASCADE", " CASCADE")
        return f"ALTER TYPE {self.written(thing)} " + self.one(
            f"ADD ATTRIBUTE made int{tail}",
            f"DROP ATTRIBUTE b{tail}", f"RENAME ATTRIBUTE b TO made{tail}")

    def publication(self):
        tables = [self.only() + self.written(r) for r in
                  self.several(*TABLES)]
        names = [quote(t.name) for t in self.world.things
                 if t.kind == "publication"]
        if not tables:
            return None
        tables = ", ".join(tables)
        if not names or self.chance(0.3):
            return f"CREATE PUBLICATION made FOR TABLE {tables}"
        return (f"ALTER PUBLICATION {self.one(*names)} "
                f"{self.one('ADD', 'SET', 'SET', 'DROP')} TABLE {tables}")

    def reassign(self):
        roles = [quote(r) for r in ROLES]
        self.rng.shuffle(roles)
        return self.one(f"REASSIGN OWNED BY {roles[0]} TO {roles[1]}",
                        f"REASSIGN OWNED BY {', '.join(roles)} TO limited")

    def contents(self):
        r = self.pick(*WORDS)
        if r is None:
            return None
        return (f"ALTER EXTENSION plpgsql ADD {WORDS[r.kind]} "
                f"{self.written(r)}")

    # --- the rest

    def lock(self):
        names = [self.only() + self.written(r)
                 for r in self.several(*TABLES, "view", "view")]
        if not names:
            return None
        mode = self.one("", " IN SHARE MODE", " IN SHARE ROW EXCLUSIVE MODE",
                        " IN EXCLUSIVE MODE", " IN ACCESS EXCLUSIVE MODE",
                        " IN SHARE UPDATE EXCLUSIVE MODE")
        return f"LOCK TABLE {', '.join(names)}{mode}"

    def comment(self):
        r = self.pick(*WORDS)
        if r is None:
            return None
        if r.kind != "sequence" and self.chance(0.4):
            return (f"COMMENT ON COLUMN {self.written(r)}."
                    f"{quote(self.column())} IS 'made'")
        return f"COMMENT ON {WORDS[r.kind]} {self.written(r)} IS 'made'"

    def maintain(self):
        r = self.pick("table", "table", "matview")
        index = self.world.pick_thing("index")
        if r is None:
            return None
        name = self.written(r)
        choices = [f"REINDEX TABLE {name}", f"CLUSTER {name}",
                   f"CLUSTER {name} USING {quote(self.one(*r.indexes, 'no'))}",
                   f"ANALYZE {name}"]
        if index is not None:
            choices.append(f"REINDEX INDEX {index.sql}")
        parent = self.pick("partitioned")
        if parent is not None:
            choices.append(f"ANALYZE {self.written(parent)}, {name}")
        return self.one(*choices)

    def truncate(self):
        names = []
        for relation in self.several(*TABLES, "foreign"):
            names.append(self.only() + self.written(relation))
        if not names:
            return None
        restart = self.one("", "", " RESTART IDENTITY", " CONTINUE IDENTITY")
        return (f"{self.one('TRUNCATE', 'TRUNCATE TABLE')} "
                f"{', '.join(names)}{restart}{self.tail()}")

    def together(self):
        """Several in one text, with a ';' at its end, or in a DO block.  They
        are planned together, so none makes what a later one would drop."""
        makers = [self.drop, self.drop, self.truncate, self.drop_part,
                  self.drop_object, self.drop_index]
        statements = [self.any_of(makers) for _ in range(self.one(2, 2, 3))]
        if self.chance(0.5):
            return "; ".join(statements) + ";"
        return "DO $do$ BEGIN " + "; ".join(statements) + "; END $do$"

    def single(self):
        makers = ([self.drop] * 8 + [self.alter] * 14 + [self.truncate] * 4
                  + [self.detach] * 4 + [self.attach] * 5
                  + [self.drop_index] * 2 + [self.drop_part] * 3
                  + [self.drop_object] * 5 + [self.drop_routine] * 4
                  + [self.drop_operator] + [self.drop_much] * 3
                  + [self.rename] * 4 + [self.inherit] + [self.alter_part] * 2
                  + [self.alter_sequence] + [self.create_table] * 4
                  + [self.create_part] * 4 + [self.create_index] * 2
                  + [self.refresh] + [self.replace_view] * 3
                  + [self.domain] * 2 + [self.composite] * 2
                  + [self.publication] * 2 + [self.reassign, self.contents]
                  + [self.lock] * 4 + [self.comment, self.drop_method]
                  + [self.maintain] * 2)
        return self.any_of(makers)

    def any_of(self, makers):
        while True:
            sql = self.rng.choice(makers)()
            if sql is not None:
                return sql

    def statement(self):
        """SQL on one line: most often of one statement."""
        return self.together() if self.chance(0.06) else self.single()
