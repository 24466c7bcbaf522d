/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libpurple has once for the process: no_proxy, which bypasses even an
 * account's own proxy (proxy.c), and the global proxy, which every connection
 * without an account takes. Both are changed in memory alone.
 */
#include "shim.h"

#include <debug.h>
#include <prefs.h>
#include <proxy.h>

static const char *const proxy_prefs[] = {
	"/purple/proxy/type", "/purple/proxy/host", "/purple/proxy/port",
	"/purple/proxy/username", "/purple/proxy/password",
};

static gboolean no_proxy_live;
static gboolean pinned;		/* the global proxy is the dead one */

gboolean
process_no_proxy_live(void)
{
	return no_proxy_live;
}

static void
clear_no_proxy(void)
{
	if (!g_getenv("no_proxy") && !g_getenv("NO_PROXY"))
		return;
	if (purple_connections_get_all()) {
		no_proxy_live = TRUE;
		return;
	}
	g_unsetenv("no_proxy");
	g_unsetenv("NO_PROXY");
	/* libpurple parsed them at its start: have it look again. */
	purple_proxy_uninit();
	purple_proxy_init();
	purple_debug_info(SHIM_ID, "no_proxy taken out of the environment\n");
}

static void
pin_global(void)
{
	PurpleProxyInfo *global = purple_global_proxy_get_info();

	if (!global)
		return;
	purple_proxy_info_set_type(global, PURPLE_PROXY_TOR);
	purple_proxy_info_set_host(global, SHIM_DEAD_HOST);
	purple_proxy_info_set_port(global, SHIM_DEAD_PORT);
	purple_proxy_info_set_username(global, NULL);
	purple_proxy_info_set_password(global, NULL);
}

/* libpurple reads the preference back into its struct when it "changes". */
static void
unpin_global(void)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(proxy_prefs); i++)
		purple_prefs_trigger_callback(proxy_prefs[i]);
}

void
process_update(void)
{
	gboolean want = level_all_protected();

	peers_update(level_any_protected());
	logs_update(level_any_secret());
	if (want) {
		pinned = TRUE;
		pin_global();
	} else if (pinned) {
		pinned = FALSE;
		unpin_global();
	}
}

/* Ours is connected after libpurple's own, so it has the last word. */
static void
proxy_pref_cb(const char *name, PurplePrefType type, gconstpointer value,
	      gpointer data)
{
	(void)name;
	(void)type;
	(void)value;
	(void)data;
	if (pinned)
		pin_global();
}

void
process_init(void)
{
	gsize i;

	no_proxy_live = FALSE;
	pinned = FALSE;
	clear_no_proxy();
	for (i = 0; i < G_N_ELEMENTS(proxy_prefs); i++)
		purple_prefs_connect_callback(shim_plugin, proxy_prefs[i],
					      proxy_pref_cb, NULL);
}

void
process_uninit(void)
{
	purple_prefs_disconnect_by_handle(shim_plugin);
	peers_update(FALSE);
	logs_update(FALSE);
	if (pinned)
		unpin_global();
	pinned = FALSE;
}
