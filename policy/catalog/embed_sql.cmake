# cmake -D FOLDER=lock_set_sql -D NAMES=a,b -D OUTPUT=FILE -P embed_sql.cmake
#
# Writes a header with one string macro per file: lock_set_sql/walk.sql
# becomes LOCK_SET_SQL_WALK.  Comments and indentation are left out, and every
# operator gets its schema here, so that none can be forgotten: " = " becomes
# " OPERATOR(pg_catalog.=) ".
string(REPLACE "," ";" names "${NAMES}")
get_filename_component(prefix "${FOLDER}" NAME)
set(operators "<>|<=|>=|<@|=|<|>|[+]|-|&|[|][|]")
set(header "/* Made by embed_sql.cmake. */\n")

foreach(name IN LISTS names)
	file(READ "${FOLDER}/${name}.sql" text)
	string(REGEX REPLACE "--[^\n]*" "" text "${text}")
	string(REGEX REPLACE "[ \n]*\n[ \n]*" "\n" text "${text}")
	string(REGEX REPLACE "([ \n])(${operators})([ \n])"
		"\\1OPERATOR(pg_catalog.\\2)\\3" text "${text}")
	string(REGEX REPLACE "^\n" "" text "${text}")
	string(REPLACE "\\" "\\\\" text "${text}")
	string(REPLACE "\"" "\\\"" text "${text}")
	string(REGEX REPLACE "\n$" "" text "${text}")
	string(REPLACE "\n" "\\n\" \\\n\t\"" text "${text}")
	string(TOUPPER "${prefix}_${name}" macro)
	string(APPEND header "\n#define ${macro} \\\n\t\"${text}\\n\"\n")
endforeach()

file(WRITE "${OUTPUT}" "${header}")
