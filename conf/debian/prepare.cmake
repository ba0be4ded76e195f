# What Debian's policy wants of files that an ordinary install leaves as they
# are: CPack calls this when all is in its own folder.
set(doc ${CPACK_TEMPORARY_DIRECTORY}/usr/share/doc/lockstep)
set(man ${CPACK_TEMPORARY_DIRECTORY}/usr/share/man)

# One file has the licenses of all that is in the program.
file(READ ${CPACK_LOCKSTEP_SOURCES}/LICENSE LICENSE)
file(READ ${CPACK_LOCKSTEP_SOURCES}/NOTICE NOTICE)
configure_file(${CPACK_LOCKSTEP_SOURCES}/conf/debian/copyright.in
	${doc}/copyright @ONLY)
file(REMOVE ${doc}/LICENSE ${doc}/NOTICE)

string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${CPACK_LOCKSTEP_SOURCES}/conf/debian/changelog.in
	${doc}/changelog @ONLY)
configure_file(${CPACK_LOCKSTEP_SOURCES}/CHANGELOG.md ${doc}/NEWS COPYONLY)
# Whatever the umask of who makes it.
file(CHMOD_RECURSE ${CPACK_TEMPORARY_DIRECTORY}/etc
	${CPACK_TEMPORARY_DIRECTORY}/usr DIRECTORY_PERMISSIONS
	OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
	WORLD_READ WORLD_EXECUTE)

file(GLOB pages ${man}/man*/*)
execute_process(COMMAND gzip -9n ${doc}/changelog ${doc}/NEWS ${pages}
	COMMAND_ERROR_IS_FATAL ANY)

# CPack has stripped it, but left these.
execute_process(COMMAND strip --remove-section=.comment --remove-section=.note
	${CPACK_TEMPORARY_DIRECTORY}/usr/bin/lockstep
	COMMAND_ERROR_IS_FATAL ANY)
