/*
 * mailbox.h - how one thread tells another something: a locked queue and an
 * eventfd that wakes its loop.
 */
#ifndef LOCKSTEP_PROXY_BASE_MAILBOX_H
#define LOCKSTEP_PROXY_BASE_MAILBOX_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mail_kind {
	MAIL_CONNECTION, /* fd: an accepted socket, taken */
	MAIL_CANCEL,     /* id: the session whose statement is to end; asked by
			    session `asker` of worker `worker` */
	MAIL_CANCELED,   /* id: that one; has_ended: something has */
	MAIL_DRAIN,      /* end sessions as they come to a boundary */
	MAIL_EXPIRE,     /* end all but guarded statements that run */
	MAIL_STOP,       /* end all sessions now */
	MAIL_DESCRIBE,   /* write what the sessions are doing to the log */
	MAIL_DEADLOCK,   /* id: a session that was a side of deadlock `asker` of
			    the history, which is to be told of it */
	MAIL_ASK,        /* tell that the loop turns */
	MAIL_SHUT,       /* data: a gate_window that is shut now; a use of it */
	MAIL_OPEN,       /* data: one that is open again; a use of it */
	MAIL_HANDSHAKE,  /* data: a handshake whose step has been taken */
	MAIL_RESOLVED,   /* data: a resolution whose answer has come */
	MAIL_WANTED,     /* to the fleet: somebody has logged in */
	MAIL_KEY,        /* to the fleet; data: the key from now on, taken */
	MAIL_CALL,       /* to the fleet; data: a rescue_call, taken */
	MAIL_ROLL,       /* data: a roll call that waits for an answer; a use
			    of it */
	MAIL_TASK,       /* data: a console_task to be carried out, taken */
	MAIL_TASK_DONE,  /* data: one that has been, taken */
};

struct mail {
	enum mail_kind kind;
	bool has_ended;
	int fd;
	uint64_t id;
	uint64_t asker;
	uint32_t worker;
	void *data;
	void (*discard)(void *data); /* when it is never delivered; or NULL */
};

typedef void mail_handler(void *arg, const struct mail *mail);

struct mailbox {
	pthread_mutex_t lock;
	struct mail *mails; /* guarded by lock */
	size_t count;       /* guarded by lock */
	size_t cap;         /* guarded by lock */
	int wake_fd;
	struct event wake_event;
	mail_handler *handler;
	void *arg;
};

/*
 * The handler runs in base's loop, once for each mail.  Borrows base until
 * mailbox_close.  False: out of descriptors, errno says which; *m is not open.
 */
bool mailbox_open(struct mailbox *m, struct event_base *base,
		  mail_handler *handler, void *arg);

/*
 * Take the mail, from any thread, and wake the loop.  False: out of memory,
 * the mail and its data are still the caller's.
 */
bool mailbox_post(struct mailbox *m, struct mail mail);

/*
 * Called after the loop has ended: mail not taken out yet is discarded, its
 * connections are closed.
 */
void mailbox_close(struct mailbox *m);

#endif
