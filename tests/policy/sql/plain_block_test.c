#include "policy/sql/plain_block.h"

#include <stdio.h>

#include "tests/support/test.h"

/* The statements, a '|' behind each; "odd" behind them if the block is. */
static void
check_block(const char *source, const char *want)
{
	struct statement_text text = {source, strlen(source)};
	enum plain_block_state state = PLAIN_BLOCK_ODD;
	struct plain_block b;
	char got[300] = "";

	if (plain_block_begin(&b, text))
		while ((state = plain_block_next(&b, &text)) ==
		       PLAIN_BLOCK_GOES_ON)
			(void)snprintf(got + strlen(got),
				       sizeof(got) - strlen(got), "%.*s|",
				       (int)text.len, text.sql);
	if (state == PLAIN_BLOCK_ODD)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got),
			       "odd");
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s, not %s", source, got, want);
}

static void
plain_block_next_finds_the_statements(void **state)
{
	(void)state;
	check_block("begin end", "");
	check_block("BEGIN drop table a; END;", "drop table a|");
	check_block(
	    " /* a */ begin -- b;\n create table \"a;\" (b text default "
	    "';' /*;*/); drop table c; end; -- d",
	    "create table \"a;\" (b text default ';' /*;*/)|drop table "
	    "c|");
	check_block("begin drop table a; exception when undefined_table or "
		    "SQLSTATE '42P01' then NULL; when others then null; end",
		    "drop table a|");
}

static void
plain_block_next_refuses_code(void **state)
{
	(void)state;
	check_block("", "odd");
	check_block("drop table a;", "odd");
	check_block("declare a int; begin end", "odd");
	check_block("<<a>> begin end a", "odd");
	check_block("#variable_conflict error\nbegin end", "odd");
	check_block("begin drop table a end", "odd");
	check_block("begin drop table a; end; drop table b;",
		    "drop table a|odd");
	check_block("begin drop table a; end a;", "drop table a|odd");
	check_block("begin <<a>> drop table b; end", "odd");
	check_block("begin \"a\" := 1; end", "odd");
	check_block("begin drop table a; exception when others then drop "
		    "table b; end",
		    "drop table a|odd");
	check_block("begin drop table a; exception when others then end",
		    "drop table a|odd");
	check_block("begin drop table a; exception when others; then null; end",
		    "drop table a|odd");
	check_block("begin drop table a; exception", "drop table a|odd");
	check_block("begin drop table 'a; end", "odd");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_block_next_finds_the_statements),
	    cmocka_unit_test(plain_block_next_refuses_code),
	};

	return cmocka_run_group_tests_name("policy/sql/plain_block", tests,
					   NULL, NULL);
}
