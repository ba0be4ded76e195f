/*
 * types.h - message type bytes and request codes, named as in the PostgreSQL
 * documentation, chapter "Frontend/Backend Protocol", "Message Formats".
 */
#ifndef LOCKSTEP_PROTOCOL_TYPES_H
#define LOCKSTEP_PROTOCOL_TYPES_H

/* Messages of a client (frontend) behind the startup packet. */
enum frontend_type {
	FRONTEND_BIND = 'B',
	FRONTEND_CLOSE = 'C',
	FRONTEND_COPY_DATA = 'd',
	FRONTEND_COPY_DONE = 'c',
	FRONTEND_COPY_FAIL = 'f',
	FRONTEND_DESCRIBE = 'D',
	FRONTEND_EXECUTE = 'E',
	FRONTEND_FLUSH = 'H',
	FRONTEND_FUNCTION_CALL = 'F',
	FRONTEND_PARSE = 'P',
	FRONTEND_PASSWORD = 'p', /* also SASL and GSS responses */
	FRONTEND_QUERY = 'Q',
	FRONTEND_SYNC = 'S',
	FRONTEND_TERMINATE = 'X',
};

/* Messages of a server (backend). */
enum backend_type {
	BACKEND_AUTHENTICATION = 'R',
	BACKEND_BIND_COMPLETE = '2',
	BACKEND_CLOSE_COMPLETE = '3',
	BACKEND_COMMAND_COMPLETE = 'C',
	BACKEND_COPY_BOTH_RESPONSE = 'W',
	BACKEND_COPY_DATA = 'd',
	BACKEND_COPY_DONE = 'c',
	BACKEND_COPY_IN_RESPONSE = 'G',
	BACKEND_COPY_OUT_RESPONSE = 'H',
	BACKEND_DATA_ROW = 'D',
	BACKEND_EMPTY_QUERY_RESPONSE = 'I',
	BACKEND_ERROR_RESPONSE = 'E',
	BACKEND_FUNCTION_CALL_RESPONSE = 'V',
	BACKEND_KEY_DATA = 'K',
	BACKEND_NEGOTIATE_PROTOCOL_VERSION = 'v',
	BACKEND_NO_DATA = 'n',
	BACKEND_NOTICE_RESPONSE = 'N',
	BACKEND_NOTIFICATION_RESPONSE = 'A',
	BACKEND_PARAMETER_DESCRIPTION = 't',
	BACKEND_PARAMETER_STATUS = 'S',
	BACKEND_PARSE_COMPLETE = '1',
	BACKEND_PORTAL_SUSPENDED = 's',
	BACKEND_READY_FOR_QUERY = 'Z',
	BACKEND_ROW_DESCRIPTION = 'T',
};

/* The code of a server's Authentication message: what it asks for or tells. */
enum authentication_code {
	AUTHENTICATION_OK = 0,
	AUTHENTICATION_CLEARTEXT_PASSWORD = 3,
	AUTHENTICATION_MD5_PASSWORD = 5,
	AUTHENTICATION_GSS = 7,
	AUTHENTICATION_GSS_CONTINUE = 8,
	AUTHENTICATION_SSPI = 9,
	AUTHENTICATION_SASL = 10,
	AUTHENTICATION_SASL_CONTINUE = 11,
	AUTHENTICATION_SASL_FINAL = 12,
};

/* The status byte of ReadyForQuery. */
enum transaction_status {
	TRANSACTION_IDLE = 'I',
	TRANSACTION_BLOCK = 'T',
	TRANSACTION_FAILED = 'E',
};

/* The codes that stand where a StartupMessage has its protocol version. */
enum request_code {
	REQUEST_CANCEL = 80877102,
	REQUEST_SSL = 80877103,
	REQUEST_GSSENC = 80877104,
};

#endif
