/* main.c - arguments; nothing testable lives here. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/sql/statement.h"
#include "proxy/auth/credentials.h"
#include "proxy/base/log.h"
#include "proxy/config/config.h"
#include "proxy/config/config_fleet.h"
#include "proxy/config/config_load.h"
#include "proxy/config/config_tls.h"
#include "proxy/config/setting.h"
#include "proxy/config/value.h"
#include "proxy/explain/explain.h"
#include "proxy/fleet/fleet_key.h"
#include "proxy/http/http_client.h"
#include "proxy/server/secrets.h"
#include "proxy/server/server.h"

enum {
	SETS_MAX = 256,
};

struct arguments {
	const char *command;
	const char *sql; /* for explain */
	const char *file;
	const char *listen;
	const char *upstream;
	const char *max; /* for wait; NULL: 30s */
	const char *id;  /* for why; NULL: all */
	bool is_json;
	const char *sets[SETS_MAX];
	size_t set_count;
	char *owned[2]; /* the members of `sets` that are made here */
	size_t owned_count;
};

enum {
	OPTION_LISTEN = 256,
	OPTION_UPSTREAM,
	OPTION_SET,
	OPTION_JSON,
	OPTION_MAX,
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"upstream", required_argument, NULL, OPTION_UPSTREAM},
    {"set", required_argument, NULL, OPTION_SET},
    {"json", no_argument, NULL, OPTION_JSON},
    {"max", required_argument, NULL, OPTION_MAX},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "Lockstep " LOCKSTEP_VERSION
    ", a PostgreSQL proxy that runs locking DDL without deadlocks.\n"
    "\n"
    "Usage:\n"
    "  lockstep [serve] [-c FILE] [--listen ADDR:PORT] [--upstream CONNINFO]\n"
    "           [--set NAME=VALUE]...\n"
    "  lockstep check -c FILE       report every mistake in a configuration\n"
    "  lockstep explain [-c FILE] [--upstream CONNINFO] [--set NAME=VALUE]...\n"
    "           [--json] SQL | -    what SQL would lock, in which order, and\n"
    "                               who is in the way; locks nothing\n"
    "  lockstep wait [-c FILE] [--set NAME=VALUE]... [--max 30s]\n"
    "                               until such a Lockstep serves\n"
    "  lockstep shutdown [-c FILE] [--set NAME=VALUE]...\n"
    "                               stop it as SIGTERM does, by http_listen\n"
    "  lockstep why [-c FILE] [--set NAME=VALUE]... [ID | last]\n"
    "                               why a statement was held, by http_listen;\n"
    "                               without ID the last 20\n"
    "  lockstep --version | --help\n"
    "\n"
    "CONNINFO is libpq's: \"host=... port=...\" or a postgres:// URL.\n"
    "Each setting has the same name in the file, in --set and, in upper case\n"
    "with the prefix LOCKSTEP_, in the environment; the nearest wins.\n"
    "\n"
    "explain is a client of the upstream, or of libpq's default server if\n"
    "none is set.  With - it reads SQL from standard input, one statement a\n"
    "line, and with --json it answers with one object a line.  It ends with\n"
    "0, with 1 if a statement does not parse or names a relation that does\n"
    "not exist, and with 2 if there is no connection or it was lost.\n"
    "\n"
    "Example:\n"
    "  lockstep --listen 127.0.0.1:7432 --upstream 'host=127.0.0.1 port=5432'\n"
    "  psql 'host=127.0.0.1 port=7432 user=postgres dbname=postgres'\n"
    "\n"
    "Settings:\n";

#define TRY_HELP "Try \"lockstep --help\".\n"

static int
main_fail_usage(const char *what)
{
	fprintf(stderr, "lockstep: %s\n%s", what, TRY_HELP);
	return EXIT_FAILURE;
}

static void
main_help(void)
{
	fputs(usage, stdout);
	setting_describe_all(stdout);
}

static bool
main_add_set(struct arguments *a, const char *set)
{
	if (a->set_count == SETS_MAX)
		return false;
	a->sets[a->set_count++] = set;
	return true;
}

/* --listen X is --set listen=X. */
static bool
main_add_named(struct arguments *a, const char *name, const char *value)
{
	char *set;

	if (value == NULL)
		return true;
	if (asprintf(&set, "%s=%s", name, value) < 0)
		return false;
	a->owned[a->owned_count++] = set;
	return main_add_set(a, set);
}

static bool
main_take_option(struct arguments *a, int option)
{
	switch (option) {
	case 'c':
		a->file = optarg;
		return true;
	case OPTION_LISTEN:
		a->listen = optarg;
		return true;
	case OPTION_UPSTREAM:
		a->upstream = optarg;
		return true;
	case OPTION_MAX:
		a->max = optarg;
		return true;
	case OPTION_JSON:
		a->is_json = true;
		return true;
	case OPTION_SET:
		return main_add_set(a, optarg);
	default:
		return false;
	}
}

static bool
main_is_explain(const struct arguments *a)
{
	return strcmp(a->command, "explain") == 0;
}

static bool
main_is_why(const struct arguments *a)
{
	return strcmp(a->command, "why") == 0;
}

/*
 * A client can reach more upstreams than the proxy can relay to (a service
 * file, TLS), so for explain --upstream is not a setting.
 */
static bool
main_finish_options(struct arguments *a)
{
	return main_add_named(a, "listen", a->listen) &&
	       (main_is_explain(a) ||
		main_add_named(a, "upstream", a->upstream));
}

static struct config_sources
main_sources(const struct arguments *a)
{
	return (struct config_sources){
	    .file = a->file,
	    .environ = environ,
	    .sets = a->sets,
	    .set_count = a->set_count,
	};
}

static struct config *
main_load_config(const struct arguments *a)
{
	struct config_sources sources = main_sources(a);

	return config_load(&sources, stderr);
}

/* A config_warn for the terminal. */
static void
main_print_warning(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "warning: %s\n", text);
}

/* A secrets_tell for people. */
static void
main_print_mistake(void *arg, bool is_fatal, const char *mistake)
{
	(void)arg;
	fprintf(stderr, "%s%s\n", is_fatal ? "" : "left out: ", mistake);
}

/* True if what the configuration names can be read; else why is printed. */
static bool
main_check_files(struct generation *g)
{
	const struct config *config = g->config;
	struct credentials *credentials =
	    secrets_load_credentials(g, NULL, main_print_mistake, NULL);
	struct fleet_key *key = NULL;
	bool is_good = credentials != NULL;

	if (config->fleet != NULL) {
		key = fleet_key_read(config->fleet_key_file, stderr);
		is_good = is_good && key != NULL;
	}
	credentials_release(credentials);
	fleet_key_free(key);
	return is_good;
}

/* Print what may be wrong with it.  False: it is. */
static bool
main_check_generation(struct generation *g)
{
	const struct config *config = g->config;
	bool is_good;

	config_tls_warn(config, main_print_warning, NULL);
	config_fleet_warn(config, main_print_warning, NULL);
	if (config->upstream_count == 0)
		main_print_warning(NULL, "no upstream is set, without which "
					 "serve ends at once");
	is_good = main_check_files(g);
	if (is_good && config->fleet != NULL)
		puts("fleet: the connection is not tried; where it cannot be "
		     "had, the log says so, and windows are this process's "
		     "own");
	return is_good;
}

static int
main_check(const struct arguments *a)
{
	struct config *config;
	struct generation *g;
	bool is_good;

	if (a->file == NULL)
		return main_fail_usage("check needs -c FILE");
	config = main_load_config(a);
	g = config == NULL ? NULL : generation_new(config, 1);
	is_good = g != NULL && main_check_generation(g);
	generation_release(g);
	if (!is_good)
		return EXIT_FAILURE;
	printf("%s: ok\n", a->file);
	return EXIT_SUCCESS;
}

static int
main_serve(const struct arguments *a)
{
	struct config_sources sources = main_sources(a);
	struct config *config = config_load(&sources, stderr);

	if (config == NULL)
		return EXIT_FAILURE;
	if (config->upstream_count == 0) {
		config_free(config);
		return main_fail_usage(
		    "no upstream is set: name the server with"
		    " --upstream 'host=... port=...'");
	}
	log_init(config->log_level, config->log_format);
	return server_run(config, &sources);
}

static int
main_explain(const struct arguments *a)
{
	struct explain_options explained = {
	    .conninfo = a->upstream,
	    .sql = a->sql,
	    .is_json = a->is_json,
	};
	struct config *config;
	int status;

	if (a->sql == NULL)
		return main_fail_usage("explain needs SQL, or - to read it");
	config = main_load_config(a);
	if (config == NULL)
		return EXIT_FAILURE;
	if (explained.conninfo == NULL)
		explained.conninfo = config->upstream_conninfo;
	status = explain_run(config, &explained);
	config_free(config);
	return status;
}

static int
main_wait(const struct arguments *a)
{
	struct value_error error;
	struct config *config;
	uint32_t max_ms;
	bool is_served;

	if (!value_parse_number(&max_ms, a->max == NULL ? "30s" : a->max,
				VALUE_DURATION, 0, INT32_MAX, &error))
		return main_fail_usage("--max is no duration, as 30s is");
	config = main_load_config(a);
	if (config == NULL)
		return EXIT_FAILURE;
	is_served = http_client_wait(config, max_ms);
	config_free(config);
	if (is_served)
		return EXIT_SUCCESS;
	fputs("lockstep: it does not serve\n", stderr);
	return EXIT_FAILURE;
}

static int
main_shutdown(const struct arguments *a)
{
	struct config *config = main_load_config(a);
	bool is_set;
	bool is_done;

	if (config == NULL)
		return EXIT_FAILURE;
	is_set = config->http_listen.count > 0;
	is_done = is_set && http_client_shutdown(config);
	config_free(config);
	if (is_done)
		return EXIT_SUCCESS;
	fputs(is_set ? "lockstep: it does not answer, or http_admin is off\n"
		     : "lockstep: shutdown needs the setting http_listen\n",
	      stderr);
	return EXIT_FAILURE;
}

/* A number, or "last". */
static bool
main_is_id(const char *id)
{
	size_t digits = strspn(id, "0123456789");

	return strcmp(id, "last") == 0 ||
	       (digits > 0 && digits < 20 && id[digits] == '\0');
}

/* Print what there is instead of a story. */
static int
main_fail_why(const struct arguments *a, enum http_client_answer answer)
{
	switch (answer) {
	case HTTP_CLIENT_OK:
		return EXIT_SUCCESS;
	case HTTP_CLIENT_NOT_FOUND:
		fprintf(stderr,
			"lockstep: %s\nHint: \"lockstep why\" lists those "
			"that are kept.\n",
			strcmp(a->id != NULL ? a->id : "", "last") == 0
			    ? "no statement had to wait so far"
			    : "there is no such statement, or it is not kept "
			      "any more");
		break;
	case HTTP_CLIENT_SILENT:
		fputs("lockstep: it does not answer at http_listen\n"
		      "Hint: does it run, and with the same http_listen?\n",
		      stderr);
		break;
	case HTTP_CLIENT_ODD:
		fputs("lockstep: what answers at http_listen does not know "
		      "this question\n",
		      stderr);
		break;
	}
	return EXIT_FAILURE;
}

static int
main_why(const struct arguments *a)
{
	struct config *config;
	enum http_client_answer answer;

	if (a->id != NULL && !main_is_id(a->id))
		return main_fail_usage("why wants a number, or \"last\"");
	config = main_load_config(a);
	if (config == NULL)
		return EXIT_FAILURE;
	if (config->http_listen.count == 0) {
		config_free(config);
		fputs("lockstep: why needs the setting http_listen, by which a "
		      "running Lockstep is asked\n"
		      "Hint: start it with --set http_listen=127.0.0.1:7433, "
		      "and say the same here, or name its file with -c.\n",
		      stderr);
		return EXIT_FAILURE;
	}
	answer = http_client_why(config, a->id, stdout);
	config_free(config);
	return main_fail_why(a, answer);
}

static int
main_run_command(const struct arguments *a)
{
	if (strcmp(a->command, "serve") == 0)
		return main_serve(a);
	if (strcmp(a->command, "check") == 0)
		return main_check(a);
	if (main_is_explain(a))
		return main_explain(a);
	if (strcmp(a->command, "wait") == 0)
		return main_wait(a);
	if (strcmp(a->command, "shutdown") == 0)
		return main_shutdown(a);
	if (main_is_why(a))
		return main_why(a);
	fprintf(stderr, "lockstep: there is no command \"%s\"\n%s", a->command,
		TRY_HELP);
	return EXIT_FAILURE;
}

/* Read the command line.  The exit status; -1: go on. */
static int
main_parse_arguments(struct arguments *a, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "c:hV", options, NULL)) !=
	       -1) {
		if (option == 'h') {
			main_help();
			return EXIT_SUCCESS;
		}
		if (option == 'V') {
			printf("lockstep " LOCKSTEP_VERSION
			       " (grammar of PostgreSQL %s)\n",
			       statement_grammar());
			return EXIT_SUCCESS;
		}
		if (!main_take_option(a, option))
			return main_fail_usage(
			    "the command line is not understood");
	}
	a->command = optind < argc ? argv[optind++] : "serve";
	if (main_is_explain(a) && optind < argc)
		a->sql = argv[optind++];
	if (main_is_why(a) && optind < argc)
		a->id = argv[optind++];
	if (optind < argc)
		return main_fail_usage(main_is_explain(a) ? "more than one SQL"
				       : main_is_why(a)
					   ? "more than one ID"
					   : "more than one command");
	if (a->is_json && !main_is_explain(a))
		return main_fail_usage("only explain has --json");
	return main_finish_options(a) ? -1
				      : main_fail_usage("too many settings");
}

int
main(int argc, char **argv)
{
	struct arguments a = {0};
	int status = main_parse_arguments(&a, argc, argv);

	if (status < 0)
		status = main_run_command(&a);
	while (a.owned_count > 0)
		free(a.owned[--a.owned_count]);
	return status;
}
