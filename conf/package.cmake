# A package of Debian's: cpack -G DEB, in a release's build folder.
set(LOCKSTEP_CONTACT "Lockstep contributors <lockstep@example.org>"
	CACHE STRING "Who makes packages, as Debian's Maintainer")

set(CPACK_PACKAGE_NAME lockstep)
set(CPACK_PACKAGE_CONTACT ${LOCKSTEP_CONTACT})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Applications and migration tools connect to Lockstep instead of the server.
It relays everything byte for byte, except one thing: a DDL statement that
is about to lock several tables takes its locks in one order, by attempts
that are too short for a deadlock, and waits in the proxy meanwhile.")

# To /usr, whatever this build's own prefix is, and to /etc.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_LOCKSTEP_SOURCES ${PROJECT_SOURCE_DIR})
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/conf/debian/prepare.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# The unit reloads by procps' kill.
set(CPACK_DEBIAN_PACKAGE_DEPENDS
	"procps, systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA)
foreach(file conffiles postinst postrm prerm)
	list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
		${PROJECT_SOURCE_DIR}/conf/debian/${file})
endforeach()

include(CPack)
