# The part of an install that hangs on its prefix, which `cmake --install
# --prefix` gives last, and on what is there already.  CMakeLists.txt sets
# LOCKSTEP_SOURCES, LOCKSTEP_BUILD and LOCKSTEP_BINDIR.
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/?$")
	set(etc /etc)
else()
	set(etc ${CMAKE_INSTALL_PREFIX}/etc)
endif()
if(NOT IS_ABSOLUTE "${LOCKSTEP_BINDIR}")
	string(PREPEND LOCKSTEP_BINDIR "${CMAKE_INSTALL_PREFIX}/")
endif()
set(LOCKSTEP_CONF ${etc}/lockstep.conf)

# The unit file names the installed program and its settings.
configure_file(${LOCKSTEP_SOURCES}/lockstep.service
	${LOCKSTEP_BUILD}/lockstep.service @ONLY)
file(INSTALL ${LOCKSTEP_BUILD}/lockstep.service
	DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)

# An example with every setting in a comment, unless there is a file already:
# that is the administrator's.
if(NOT EXISTS "$ENV{DESTDIR}${LOCKSTEP_CONF}")
	file(INSTALL ${LOCKSTEP_SOURCES}/lockstep.conf DESTINATION ${etc})
endif()
