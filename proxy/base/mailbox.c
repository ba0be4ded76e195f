#include "proxy/base/mailbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void
mailbox_deliver(struct mailbox *m)
{
	struct mail *mails;
	size_t count;
	size_t i;

	pthread_mutex_lock(&m->lock);
	mails = m->mails;
	count = m->count;
	m->mails = NULL;
	m->count = 0;
	m->cap = 0;
	pthread_mutex_unlock(&m->lock);
	for (i = 0; i < count; i++)
		m->handler(m->arg, &mails[i]);
	free(mails);
}

static void
mailbox_woken(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		mailbox_deliver(arg);
}

bool
mailbox_open(struct mailbox *m, struct event_base *base, mail_handler *handler,
	     void *arg)
{
	memset(m, 0, sizeof(*m));
	m->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->wake_fd < 0)
		return false;
	pthread_mutex_init(&m->lock, NULL);
	m->handler = handler;
	m->arg = arg;
	event_assign(&m->wake_event, base, m->wake_fd, EV_READ | EV_PERSIST,
		     mailbox_woken, m);
	event_add(&m->wake_event, NULL);
	return true;
}

static bool
mailbox_append(struct mailbox *m, struct mail mail)
{
	size_t cap = m->cap > 0 ? m->cap * 2 : 8;
	struct mail *mails;

	if (m->count == m->cap) {
		mails = realloc(m->mails, cap * sizeof(*mails));
		if (mails == NULL)
			return false;
		m->mails = mails;
		m->cap = cap;
	}
	m->mails[m->count++] = mail;
	return true;
}

bool
mailbox_post(struct mailbox *m, struct mail mail)
{
	const uint64_t one = 1;
	bool taken;

	pthread_mutex_lock(&m->lock);
	taken = mailbox_append(m, mail);
	pthread_mutex_unlock(&m->lock);
	/* Fails only when the counter is full, and then a wake is due. */
	(void)!write(m->wake_fd, &one, sizeof(one));
	return taken;
}

void
mailbox_close(struct mailbox *m)
{
	size_t i;

	event_del(&m->wake_event);
	for (i = 0; i < m->count; i++) {
		if (m->mails[i].kind == MAIL_CONNECTION)
			close(m->mails[i].fd);
		if (m->mails[i].discard != NULL)
			m->mails[i].discard(m->mails[i].data);
	}
	free(m->mails);
	close(m->wake_fd);
	pthread_mutex_destroy(&m->lock);
}
