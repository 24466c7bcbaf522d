/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libpurple asks the network about the computer's address (UPnP, NAT-PMP,
 * STUN, TURN), at its start before any plugin runs, past every proxy. The
 * preferences are once for all accounts: off, for the next start too, while an
 * account is protected, enabled or not. The helper keeps what they were.
 */
#include "shim.h"

#include <string.h>

#include <debug.h>
#include <network.h>
#include <notify.h>
#include <prefs.h>

static const struct {
	const char *path;
	PurplePrefType type;
} probes[] = {
	{ "/purple/network/auto_ip", PURPLE_PREF_BOOLEAN },
	{ "/purple/network/map_ports", PURPLE_PREF_BOOLEAN },
	{ "/purple/network/stun_server", PURPLE_PREF_STRING },
	{ "/purple/network/turn_server", PURPLE_PREF_STRING },
};

static gboolean setting;	/* it is us who change them */
static gboolean owed;		/* the helper could not say what to do */
static gboolean told;		/* the person knows */

static PurplePrefType
type_of(const char *path)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(probes); i++)
		if (purple_strequal(probes[i].path, path) &&
		    purple_prefs_get_type(path) == probes[i].type)
			return probes[i].type;
	return PURPLE_PREF_NONE;
}

static void
set(const char *path, const char *value)
{
	setting = TRUE;
	switch (type_of(path)) {
	case PURPLE_PREF_BOOLEAN:
		purple_prefs_set_bool(path, purple_strequal(value, "1"));
		break;
	case PURPLE_PREF_STRING:
		purple_prefs_set_string(path, value);
		break;
	default:
		break;
	}
	setting = FALSE;
	/* libpurple has looked the servers up: it forgets what it found. */
	if (!*value && g_str_has_suffix(path, "stun_server"))
		purple_network_set_stun_server("");
	if (!*value && g_str_has_suffix(path, "turn_server"))
		purple_network_set_turn_server("");
}

static void
snapshot(GKeyFile *request)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(probes); i++) {
		const char *path = probes[i].path, *s;
		char *text;

		switch (type_of(path)) {
		case PURPLE_PREF_BOOLEAN:
			g_key_file_set_string(request, "probes", path,
					      purple_prefs_get_bool(path)
						      ? "bool:1" : "bool:0");
			break;
		case PURPLE_PREF_STRING:
			s = purple_prefs_get_string(path);
			text = g_strconcat("string:", s ? s : "", NULL);
			g_key_file_set_string(request, "probes", path, text);
			g_free(text);
			break;
		default:
			break;
		}
	}
}

static gboolean
carry_out(GKeyFile *answer)
{
	char **keys, **k;
	gboolean any = FALSE;

	keys = g_key_file_get_keys(answer, "set", NULL, NULL);
	for (k = keys; k && *k; k++) {
		char *text = g_key_file_get_string(answer, "set", *k, NULL);
		char *value = text ? strchr(text, ':') : NULL;

		if (value) {
			purple_debug_info(SHIM_ID, "set: %s\n", *k);
			set(*k, value + 1);
			any = TRUE;
		}
		g_free(text);
	}
	g_strfreev(keys);
	return any;
}

/* TRUE where something was set. */
static gboolean
update(void)
{
	GKeyFile *request = call_new("probes"), *answer;
	gboolean any = FALSE;

	snapshot(request);
	answer = call_helper(request);
	owed = !call_ok(answer);
	if (!owed)
		any = carry_out(answer);
	if (answer)
		g_key_file_free(answer);
	return any;
}

void
probes_update(void)
{
	update();
}

void
probes_retry(void)
{
	if (owed)
		update();
}

static gboolean
any_marked(void)
{
	GList *l;

	for (l = purple_accounts_get_all(); l; l = l->next)
		if (level_marked(l->data))
			return TRUE;
	return FALSE;
}

/*
 * Somebody changes one. Where there is no helper to ask, and to keep what it
 * was, the change is taken back wherever an account is marked as protected.
 */
static void
changed_cb(const char *name, PurplePrefType type, gconstpointer value,
	   gpointer data)
{
	gboolean undone;

	(void)type;
	(void)value;
	(void)data;
	if (setting)
		return;
	undone = update();
	if (owed && any_marked()) {
		set(name, type_of(name) == PURPLE_PREF_BOOLEAN ? "0" : "");
		undone = TRUE;
	}
	if (!undone || told)
		return;
	told = TRUE;
	purple_notify_info(shim_plugin, "purple-onion",
			   "The network is not asked for your address",
			   "Address detection, port forwarding, STUN and TURN "
			   "go past Tor, for all accounts at once: they stay "
			   "off while an account is protected. What you set "
			   "is kept for when none is.");
}

void
probes_init(void)
{
	gsize i;

	owed = told = FALSE;
	for (i = 0; i < G_N_ELEMENTS(probes); i++)
		purple_prefs_connect_callback(shim_plugin, probes[i].path,
					      changed_cb, NULL);
}
