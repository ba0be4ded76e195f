#include "proxy/config/conninfo_tls.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

/* In the order of the enum. */
static const char *const bindings[] = {"disable", "prefer", "require", NULL};
static const char *const negotiations[] = {"postgres", "direct", NULL};
static const char *const switches[] = {"0", "1", NULL};

/* conninfo_read_word writes these as uint32_t. */
static_assert(sizeof(enum tls_mode) == sizeof(uint32_t), "");
static_assert(sizeof(enum tls_version) == sizeof(uint32_t), "");
static_assert(sizeof(enum channel_binding) == sizeof(uint32_t), "");

char *
conninfo_option(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0 &&
		    options->val != NULL && *options->val != '\0')
			return options->val;
	return NULL;
}

bool
conninfo_read_word(void *out, const char *keyword, const char *value,
		   const char *const *words, struct value_error *error)
{
	uint32_t *index = out;
	struct value_error allowed;

	if (value == NULL || value_parse_word(index, value, words, &allowed))
		return true;
	value_fail(error, "%s: expected one of", keyword);
	for (; *words != NULL; words++) {
		size_t len = strlen(error->text);

		if (**words != '\0')
			snprintf(error->text + len, sizeof(error->text) - len,
				 " %s", *words);
	}
	return false;
}

static bool
conninfo_tls_read_words(struct tls_settings *out,
			const PQconninfoOption *options,
			const char *negotiation, struct value_error *error)
{
	uint32_t is_direct = 0;
	uint32_t sends_name = 1;
	struct {
		const char *keyword;
		void *field;
		const char *const *words;
	} all[] = {
	    {"sslmode", &out->mode, tls_mode_names},
	    {"ssl_min_protocol_version", &out->min_version, tls_version_names},
	    {"ssl_max_protocol_version", &out->max_version, tls_version_names},
	    {"channel_binding", &out->channel_binding, bindings},
	    {"sslsni", &sends_name, switches},
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!conninfo_read_word(
			all[i].field, all[i].keyword,
			conninfo_option(options, all[i].keyword), all[i].words,
			error))
			return false;
	if (!conninfo_read_word(&is_direct, "sslnegotiation", negotiation,
				negotiations, error))
		return false;
	out->is_direct = is_direct == 1;
	out->hides_name = sends_name == 0;
	return true;
}

static bool
conninfo_tls_read_texts(struct tls_settings *out,
			const PQconninfoOption *options,
			struct value_error *error)
{
	struct {
		const char *keyword;
		char **field;
	} all[] = {
	    {"sslcert", &out->cert},      {"sslkey", &out->key},
	    {"sslrootcert", &out->ca},    {"sslcrl", &out->crl},
	    {"sslcrldir", &out->crl_dir}, {"sslpassword", &out->key_password},
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const char *value = conninfo_option(options, all[i].keyword);

		if (value == NULL)
			continue;
		*all[i].field = strdup(value);
		if (*all[i].field == NULL)
			return value_fail_memory(error);
	}
	return true;
}

static bool
conninfo_tls_check_together(struct tls_settings *s, bool has_mode,
			    struct value_error *error)
{
	bool is_system = s->ca != NULL && strcmp(s->ca, "system") == 0;

	/* As libpq has it since PostgreSQL 16. */
	if (is_system && !has_mode)
		s->mode = TLS_VERIFY_FULL;
	if (is_system && s->mode != TLS_VERIFY_FULL)
		return value_fail(error, "sslrootcert: \"system\" needs "
					 "sslmode=verify-full");
	if (s->mode >= TLS_VERIFY_CA && s->ca == NULL)
		return value_fail(error,
				  "sslmode: %s needs sslrootcert: a file with "
				  "the authority that signed the server's "
				  "certificate, or \"system\"",
				  tls_mode_names[s->mode]);
	if (s->is_direct && s->mode < TLS_REQUIRE)
		return value_fail(error, "sslnegotiation: \"direct\" needs "
					 "sslmode=require, verify-ca or "
					 "verify-full");
	if ((s->cert == NULL) != (s->key == NULL))
		return value_fail(error, "sslcert and sslkey go together");
	if ((s->crl != NULL || s->crl_dir != NULL) && s->ca == NULL)
		return value_fail(error, "sslcrl: without sslrootcert there "
					 "is nothing to be revoked");
	if (s->max_version != TLS_VERSION_ANY &&
	    s->max_version < s->min_version)
		return value_fail(error, "ssl_max_protocol_version is below "
					 "ssl_min_protocol_version");
	return true;
}

bool
conninfo_tls_read(struct tls_settings *out, const PQconninfoOption *options,
		  const char *negotiation, struct value_error *error)
{
	struct tls_settings s = {
	    .mode = TLS_PREFER,
	    .min_version = TLS_VERSION_1_2,
	    .channel_binding = CHANNEL_BINDING_PREFER,
	};
	bool has_mode = conninfo_option(options, "sslmode") != NULL;

	if (conninfo_tls_read_words(&s, options, negotiation, error) &&
	    conninfo_tls_read_texts(&s, options, error) &&
	    conninfo_tls_check_together(&s, has_mode, error)) {
		*out = s;
		return true;
	}
	tls_settings_clear(&s);
	return false;
}
