# embed_sql.cmake - SQL files as strings of C.
#
# lockstep_embed_sql(<target> <folder> <file>...) makes the header
# <folder>.h of the build folder, with a macro for each <folder>/<file>.sql:
# lock_set_sql/walk.sql becomes LOCK_SET_SQL_WALK.  Where a file has lines
# "-- part: NAME", each part is a macro of its own: CATALOG_SQL_ATTEMPT_LOCK.
#
# Comments, indentation and the last newline are left out, and every operator
# gets its schema here, so that none can be forgotten: " = " becomes
# " OPERATOR(pg_catalog.=) ".  Names of functions and types carry theirs in the
# files, and units see to that (tests/support/sql.h).
if(NOT CMAKE_SCRIPT_MODE_FILE)
	function(lockstep_embed_sql target folder)
		set(script ${CMAKE_CURRENT_FUNCTION_LIST_FILE})
		set(source ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
		set(header ${CMAKE_CURRENT_BINARY_DIR}/${folder}.h)
		list(TRANSFORM ARGN REPLACE ".+" "${source}/\\0.sql"
			OUTPUT_VARIABLE files)
		list(JOIN ARGN "," names)
		add_custom_command(OUTPUT ${header}
			COMMAND ${CMAKE_COMMAND} -D OUTPUT=${header}
				-D FOLDER=${source} -D NAMES=${names}
				-P ${script}
			DEPENDS ${files} ${script}
			VERBATIM)
		target_sources(${target} PRIVATE ${header})
		target_include_directories(${target}
			PRIVATE ${PROJECT_BINARY_DIR})
	endfunction()

	return()
endif()

# Run as a script: cmake -D FOLDER=... -D NAMES=a,b -D OUTPUT=... -P THIS
set(operators "<>|<=|>=|<@|=|<|>|[+]|-|[*]|&|[|][|]")

# Append the macro `name` for `text` to the header; nothing for comments only.
function(append_macro name text)
	string(REGEX REPLACE "--[^\n]*" "" text "${text}")
	string(REGEX REPLACE "[ \n]*\n[ \n]*" "\n" text "${text}")
	# No operators: the star of SELECT and the options of RAISE.
	string(REGEX REPLACE "(SELECT|MESSAGE|DETAIL|ERRCODE) ([*=])" "\\1 @\\2"
		text "${text}")
	string(REGEX REPLACE "([ \n])(${operators})([ \n])"
		"\\1OPERATOR(pg_catalog.\\2)\\3" text "${text}")
	string(REGEX REPLACE "@([*=])" "\\1" text "${text}")
	string(REGEX REPLACE "^\n" "" text "${text}")
	string(REGEX REPLACE "\n$" "" text "${text}")
	string(REPLACE "\\" "\\\\" text "${text}")
	string(REPLACE "\"" "\\\"" text "${text}")
	string(REPLACE "\n" "\\n\" \\\n\t\"" text "${text}")
	string(TOUPPER "${name}" name)
	if(NOT text STREQUAL "")
		set(header "${header}\n#define ${name} \\\n\t\"${text}\"\n"
			PARENT_SCOPE)
	endif()
endfunction()

string(REPLACE "," ";" names "${NAMES}")
get_filename_component(prefix "${FOLDER}" NAME)
set(header "/* Made by embed_sql.cmake. */\n")

foreach(name IN LISTS names)
	file(READ "${FOLDER}/${name}.sql" text)
	set(macro "${prefix}_${name}")
	while(text MATCHES "-- part: ([a-z_]+)\n")
		set(mark "${CMAKE_MATCH_0}")
		set(part "${CMAKE_MATCH_1}")
		string(FIND "${text}" "${mark}" at)
		string(SUBSTRING "${text}" 0 ${at} before)
		append_macro("${macro}" "${before}")
		string(LENGTH "${mark}" length)
		math(EXPR at "${at} + ${length}")
		string(SUBSTRING "${text}" ${at} -1 text)
		set(macro "${prefix}_${name}_${part}")
	endwhile()
	append_macro("${macro}" "${text}")
endforeach()

file(WRITE "${OUTPUT}" "${header}")
