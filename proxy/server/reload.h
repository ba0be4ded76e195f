/*
 * reload.h - what SIGHUP and the console's RELOAD do: settings, certificates,
 * keys and verifiers are read again, and put in force for whoever comes next,
 * all of them or none.
 */
#ifndef LOCKSTEP_PROXY_SERVER_RELOAD_H
#define LOCKSTEP_PROXY_SERVER_RELOAD_H

#include <stdbool.h>

#include "proxy/config/config_load.h"
#include "proxy/config/generation.h"
#include "proxy/config/setting.h"
#include "proxy/console/console_task.h"
#include "proxy/fleet/fleet.h"
#include "proxy/pair/daemon.h"

/* All borrowed but for the generation; the caller sets the rest. */
struct reload {
	struct daemon *daemon;
	struct fleet *fleet; /* NULL: there is none */
	const struct config_sources *sources;
	struct generation *current; /* one use of that in force */
	/* Values that SET gave, by the places in setting_table; owned. */
	char *of_console[SETTING_COUNT];
};

/* Put the first generation in force, and what its files hold.  False: why is
 * logged, and reload_end frees the rest. */
bool reload_begin(struct reload *r, struct generation *first);

/* Free the stores of the daemon, and the use of what is in force. */
void reload_end(struct reload *r);

/*
 * Open log_file anew, read everything again, and put it in force if there is no
 * mistake; what has changed, or what is wrong, is logged, and told in *out,
 * which is zeroed and has the mistakes for the caller to free.  Called in the
 * main thread, which alone changes r.  False: all is as it was.
 */
bool reload_all(struct reload *r, struct console_reload *out);

/*
 * Give a setting the value that text stands for, over all sources, until the
 * process ends, or, for NULL, that of its sources again.  The file is not read
 * for it, nor is any other: what they had when they were read last counts.
 * Else as above.
 */
bool reload_set(struct reload *r, const struct setting *setting,
		const char *text, struct console_reload *out);

#endif
