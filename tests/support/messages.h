/*
 * messages.h - what clients and servers say first, byte by byte.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_MESSAGES_H
#define LOCKSTEP_TESTS_SUPPORT_MESSAGES_H

#include <stddef.h>

#define STARTUP "\0\0\0\x12\0\3\0\0user\0joe\0\0"
#define SSL_REQUEST "\0\0\0\x8\4\xd2\x16\x2f"
#define GSSENC_REQUEST "\0\0\0\x8\4\xd2\x16\x30"
#define CANCEL_REQUEST                                                         \
	"\0\0\0\x10\4\xd2\x16\x2e\0\0\0\7"                                     \
	"1234"
#define KEY                                                                    \
	"K\0\0\0\x0c\0\0\0\7"                                                  \
	"1234"
#define AUTHENTICATED "R\0\0\0\x8\0\0\0\0"
#define READY "Z\0\0\0\5I"
#define IN_BLOCK "Z\0\0\0\5T"
#define QUERY                                                                  \
	"Q\0\0\0\xd"                                                           \
	"select 1\0"
#define COMPLETE "C\0\0\0\x0dSELECT 1\0"
#define FATAL                                                                  \
	"E\0\0\0\xd"                                                           \
	"SFATAL\0\0\0"

#endif
