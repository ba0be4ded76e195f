#include "proxy/guard/exchange_stop.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	WISH_MAX = 32,
	NO_SOCKET = -1,
};

/* The test's last wish: all threads have it in common. */
static struct {
	pthread_mutex_t lock; /* a thread that stands still has it */
	bool is_open;
	int fd;
	unsigned left; /* how often the phase is entered until then; 0: none */
	char phase[WISH_MAX];
} wish = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
wish_open(void)
{
	const char *fd = getenv("EXCHANGE_STOPS");

	wish.is_open = true;
	wish.fd = fd == NULL ? NO_SOCKET : (int)strtol(fd, NULL, 10);
}

/* Take the test's next message: with MSG_DONTWAIT if there is one. */
static void
wish_read(int flags)
{
	char text[WISH_MAX];
	ssize_t len;
	char *colon;

	do
		len = recv(wish.fd, text, sizeof(text) - 1, flags);
	while (len < 0 && errno == EINTR);
	if (len <= 0)
		return;
	text[len] = '\0';
	colon = strchr(text, ':');
	wish.left = 1;
	if (colon != NULL) {
		wish.left = (unsigned)strtoul(colon + 1, NULL, 10);
		*colon = '\0';
	}
	memcpy(wish.phase, text, sizeof(text));
}

/* Tell the test, and wait for its next wish. */
static void
wish_stop(void)
{
	if (send(wish.fd, wish.phase, strlen(wish.phase), MSG_NOSIGNAL) >= 0)
		wish_read(0);
}

void
exchange_stop(const char *phase)
{
	if (pthread_mutex_trylock(&wish.lock) != 0)
		return;
	if (!wish.is_open)
		wish_open();
	if (wish.fd != NO_SOCKET)
		wish_read(MSG_DONTWAIT);
	if (wish.left > 0 && strcmp(phase, wish.phase) == 0 && --wish.left == 0)
		wish_stop();
	pthread_mutex_unlock(&wish.lock);
}
