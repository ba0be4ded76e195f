#include "tests/support/names.h"

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

int __real_getaddrinfo(const char *host, const char *service,
		       const struct addrinfo *hints, struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service,
		       const struct addrinfo *hints, struct addrinfo **found);

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	enum names_mood mood;
	unsigned asked;
} names = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static enum names_mood
names_wait(void)
{
	enum names_mood mood;

	pthread_mutex_lock(&names.lock);
	names.asked++;
	while (names.mood == NAMES_SILENT)
		pthread_cond_wait(&names.wake, &names.lock);
	mood = names.mood;
	pthread_mutex_unlock(&names.lock);
	return mood;
}

int
__wrap_getaddrinfo(const char *host, const char *service,
		   const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo numeric = *hints;
	enum names_mood mood;
	int error;

	numeric.ai_flags |= AI_NUMERICHOST;
	if (__real_getaddrinfo(host, service, &numeric, found) == 0)
		return 0;
	if ((hints->ai_flags & AI_NUMERICHOST) != 0)
		return EAI_NONAME;
	mood = names_wait();
	if (mood == NAMES_UNKNOWN)
		return EAI_NONAME;
	error = __real_getaddrinfo("127.0.0.1", service, &numeric, found);
	if (error != 0 || mood != NAMES_TWO)
		return error;
	return __real_getaddrinfo("127.0.0.2", service, &numeric,
				  &(*found)->ai_next);
}

static void
names_set(enum names_mood mood, bool is_fresh)
{
	pthread_mutex_lock(&names.lock);
	names.mood = mood;
	if (is_fresh)
		names.asked = 0;
	pthread_cond_broadcast(&names.wake);
	pthread_mutex_unlock(&names.lock);
}

void
names_begin(void)
{
	names_set(NAMES_SILENT, true);
}

void
names_be(enum names_mood mood)
{
	names_set(mood, false);
}

unsigned
names_asked(void)
{
	unsigned asked;

	pthread_mutex_lock(&names.lock);
	asked = names.asked;
	pthread_mutex_unlock(&names.lock);
	return asked;
}
