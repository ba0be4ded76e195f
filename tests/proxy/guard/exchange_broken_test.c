#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * The server ends, or the client leaves, in the middle; scene_end sees to it
 * that nothing is kept.
 */
static const struct scene_row rows[] = {
    {
	.name = "a server that ends while it is planned has "
		"the last word",
	.client = "Q drop table c",
	.script = "plan: fatal 57P01",
	.server_gets = "facts(f) settings plan{c}",
	.client_gets = "fatal 57P01",
    },
    {
	.name = "a server that ends while it looks",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: fatal 57P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc)",
	.client_gets = "fatal 57P01",
    },
    {
	.name = "a server that ends while names are asked for",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; names: "
		  "!turn fatal 57P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc)",
	.client_gets = "fatal 57P01",
    },
    {
	.name = "a server that ends in a window opens that",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; look: "
		  "!shut fatal 57P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc)",
	.client_gets = "fatal 57P01",
    },
    {
	.name = "a server that ends during an attempt",
	.client = "Q drop table c",
	.script = "attempt: !turn fatal 57P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc)",
	.client_gets = "fatal 57P01",
    },
    {
	.name = "a server that ends during our ROLLBACK",
	.client = "Q drop table c",
	.script = "attempt: 1; ROLLBACK: fatal 57P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK",
	.client_gets = "fatal 57P01",
    },
    {
	.name = "a server that ends while it runs",
	.client = "Q drop table c",
	.script = "drop: fatal 57P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c)",
	.client_gets = "fatal 57P01",
    },
    {
	.name = "a server that ends during our COMMIT",
	.client = "Q drop table c",
	.script = "COMMIT: fatal 57P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT",
	.client_gets = "fatal 57P01",
    },
    {
	.name = "a server that ends in a block",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "attempt: !open fatal 57P01",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc)",
	.client_gets = "[BEGIN] ready-T fatal 57P01",
    },
    {
	.name = "a server that ends while the block is made to "
		"fail",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=reject; refuse: fatal 57P01",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "refuse",
	.client_gets = "[BEGIN] ready-T fatal 57P01",
    },
    {
	.name = "a server that ends while an Execute runs",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "drop: fatal 57P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c)",
	.client_gets = "1 2 fatal 57P01",
    },
    {
	.name = "a client that leaves while it is planned is "
		"told nothing",
	.client = "Q drop table c",
	.script = "plan: !left",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "",
    },
    {
	.name = "a client that leaves while it waits lets go",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !left",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) /",
	.client_gets = "",
    },
    {
	.name = "a client that leaves in a window lets go",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; look: "
		  "!shut young; wait: !left",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) /",
	.client_gets = "",
    },
    {
	.name = "a client that leaves during an attempt",
	.client = "Q drop table c",
	.script = "attempt: !left",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "",
    },
    {
	.name = "a client that leaves while it runs",
	.client = "Q drop table c",
	.script = "drop: !left",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "",
    },
    {
	.name = "a client that leaves during our COMMIT",
	.client = "Q drop table c",
	.script = "COMMIT: !left",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "",
    },
    {
	.name = "a client that leaves before an error of ours",
	.client = "Q drop table c",
	.script = "settings: !left policy=reject",
	.server_gets = "facts(f) settings plan{c} /",
	.client_gets = "",
    },
    {
	.name = "a client that leaves before a warning",
	.client = "Q drop table c",
	.script = "settings: !left policy=perhaps",
	.server_gets = "facts(f) settings plan{c} /",
	.client_gets = "",
    },
    {
	.name = "a client that leaves before a notice",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !late "
		  "1001; look: !left old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) /",
	.client_gets = "",
    },
    {
	.name = "a client that leaves in a block",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "drop: !left",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c)",
	.client_gets = "[BEGIN] ready-T",
    },
    {
	.name = "a client that leaves in a cycle",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "drop: !left",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c) /",
	.client_gets = "",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange_broken", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}
