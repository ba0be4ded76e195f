/*
 * reports.h - what a server says behind AuthenticationOk, byte by byte: of
 * itself, its key, and that it is ready.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_REPORTS_H
#define LOCKSTEP_TESTS_SUPPORT_REPORTS_H

#define WRITES                                                                 \
	"S\0\0\0\x26"                                                          \
	"default_transaction_read_only\0off\0"
#define READS                                                                  \
	"S\0\0\0\x25"                                                          \
	"default_transaction_read_only\0on\0"
#define LEADS                                                                  \
	"S\0\0\0\x17"                                                          \
	"in_hot_standby\0off\0"
#define FOLLOWS                                                                \
	"S\0\0\0\x16"                                                          \
	"in_hot_standby\0on\0"
#define PRIMARY LEADS WRITES
#define STANDBY FOLLOWS WRITES
#define KEY "K\0\0\0\x0c\0\0\0\1\0\0\0\2"
#define READY "Z\0\0\0\5I"
#define NOTICE "N\0\0\0\5\0"
#define FATAL                                                                  \
	"E\0\0\0\x0f"                                                          \
	"C3D000\0M1\0\0"

#endif
