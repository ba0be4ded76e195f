/*
 * journey_hook.c - writes down which functions are entered and left.
 *
 * journey.py links it to a program built with -finstrument-functions and
 * reads the journal, a file that both have mapped.  The variable JOURNEY of
 * the environment names that file; without it nothing is written.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The journal's layout, little-endian; journey.py reads it by the same. */
struct entry {
	uint64_t thread;
	uint64_t address; /* of the function; HAS_LEFT is set at its end */
};

#define HAS_LEFT (UINT64_C(1) << 63)

struct journal {
	uint64_t hook; /* where the linker's address of it came to be */
	atomic_uint_least64_t is_on; /* journey.py sets it */
	atomic_uint_least64_t count; /* may exceed those that have a place */
	struct entry entries[];
};

void __cyg_profile_func_enter(void *function, void *caller);
void __cyg_profile_func_exit(void *function, void *caller);

static struct journal *journal;
static uint64_t room; /* entries that the file has a place for */

/* Each thread has its own; its address tells it from others. */
static _Thread_local char thread;

__attribute__((constructor)) static void
open_journal(void)
{
	const char *path = getenv("JOURNEY");
	struct stat st;
	void *mapped;
	int fd;

	if (!path)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	mapped = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	close(fd);
	if (mapped == MAP_FAILED)
		abort();
	journal = mapped;
	journal->hook = (uintptr_t)__cyg_profile_func_enter;
	room = ((uint64_t)st.st_size - sizeof(*journal)) / sizeof(struct entry);
}

static void
write_down(uint64_t address)
{
	uint64_t i;

	if (!journal || !atomic_load(&journal->is_on))
		return;
	i = atomic_fetch_add(&journal->count, 1);
	if (i >= room)
		return;
	journal->entries[i] = (struct entry){
	    .thread = (uintptr_t)&thread,
	    .address = address,
	};
}

void
__cyg_profile_func_enter(void *function, void *caller)
{
	(void)caller;
	write_down((uintptr_t)function);
}

void
__cyg_profile_func_exit(void *function, void *caller)
{
	(void)caller;
	write_down((uintptr_t)function | HAS_LEFT);
}
