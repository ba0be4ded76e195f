# embed_page.cmake - the page as bytes of C.
#
# lockstep_embed_page(<target> <folder>) makes the header <folder>.h of the
# build folder: <folder>/index.html, with page.css for its @STYLE@ and page.js
# for its @SCRIPT@, as HTTP_PAGE_BYTES; and the hashes of these two as
# Content-Security-Policy wants them, HTTP_PAGE_STYLE_HASH and
# HTTP_PAGE_SCRIPT_HASH.
if(NOT CMAKE_SCRIPT_MODE_FILE)
	function(lockstep_embed_page target folder)
		set(script ${CMAKE_CURRENT_FUNCTION_LIST_FILE})
		set(source ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
		set(header ${CMAKE_CURRENT_BINARY_DIR}/${folder}.h)
		add_custom_command(OUTPUT ${header}
			COMMAND ${CMAKE_COMMAND} -D OUTPUT=${header}
				-D FOLDER=${source} -P ${script}
			DEPENDS ${source}/index.html ${source}/page.css
				${source}/page.js ${script}
			VERBATIM)
		target_sources(${target} PRIVATE ${header})
		target_include_directories(${target}
			PRIVATE ${PROJECT_BINARY_DIR})
	endfunction()

	return()
endif()

# Run as a script: cmake -D FOLDER=... -D OUTPUT=... -P THIS

# Set `out` to the base64 (RFC 4648) of a SHA-256 in hexadecimal digits: ten
# times three bytes, and two that are left.
function(base64_of_hash out hex)
	set(letters "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
	string(APPEND letters "0123456789+/")
	set(text "")
	foreach(at RANGE 0 60 6)
		string(SUBSTRING "${hex}00" ${at} 6 three)
		foreach(shift IN ITEMS 18 12 6 0)
			math(EXPR at_letter "(0x${three} >> ${shift}) & 63")
			string(SUBSTRING "${letters}" ${at_letter} 1 letter)
			string(APPEND text "${letter}")
		endforeach()
	endforeach()
	string(REGEX REPLACE "A$" "=" text "${text}")
	set(${out} "${text}" PARENT_SCOPE)
endfunction()

function(hash_of out text)
	string(SHA256 hex "${text}")
	base64_of_hash(hash "${hex}")
	set(${out} "sha256-${hash}" PARENT_SCOPE)
endfunction()

file(READ "${FOLDER}/index.html" page)
file(READ "${FOLDER}/page.css" style)
file(READ "${FOLDER}/page.js" script)
# The hashes are of all between the tags.
string(PREPEND style "\n")
string(PREPEND script "\n")
hash_of(style_hash "${style}")
hash_of(script_hash "${script}")
string(REPLACE "@STYLE@" "${style}" page "${page}")
string(REPLACE "@SCRIPT@" "${script}" page "${page}")
string(HEX "${page}" bytes)
string(REGEX REPLACE "(................)" "\\1\\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REPLACE "\n" " \\\n" bytes "${bytes}")
file(WRITE "${OUTPUT}" "/* Made by embed_page.cmake. */
#define HTTP_PAGE_STYLE_HASH \"${style_hash}\"
#define HTTP_PAGE_SCRIPT_HASH \"${script_hash}\"
#define HTTP_PAGE_BYTES \\
${bytes}
")
