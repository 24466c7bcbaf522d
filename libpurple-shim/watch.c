/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings that change during a session. libpurple has no signal for them
 * (account.c), so live protected accounts are looked at every two seconds.
 */
#include "shim.h"

#include <string.h>

#include <debug.h>
#include <eventloop.h>

#define WATCH_SECONDS 2

static guint timer;

static void
look_at(PurpleAccount *account)
{
	struct watched *w = watched_get(account);
	struct ponion_answer answer;
	char text[160];
	const char *changed;

	if (!w->sign_on || w->told)
		return;
	changed = pins_changed(account, w);
	if (!changed && level_ask(account, PONION_OP_LOOK, FALSE, &answer) ==
				PONION_ALLOW)
		return;
	g_snprintf(text, sizeof(text),
		   "the account's settings were changed during the session: "
		   "%s", changed ? changed : "its protection");
	signon_refuse(account, "edited-in-session", text, FALSE);
}

static gboolean
watch_cb(gpointer data)
{
	GList *l, *all = g_list_copy(purple_connections_get_all());

	(void)data;
	for (l = all; l; l = l->next)
		look_at(purple_connection_get_account(l->data));
	g_list_free(all);
	process_update();
	probes_retry();
	return TRUE;
}

void
watch_init(void)
{
	timer = purple_timeout_add_seconds(WATCH_SECONDS, watch_cb, NULL);
}

void
watch_uninit(void)
{
	if (timer)
		purple_timeout_remove(timer);
	timer = 0;
}
