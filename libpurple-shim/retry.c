/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Accounts that were refused because of Tor sign on when Tor is ready, and do
 * not wait for the program's own next try, which can be a minute away. That
 * one finds the account connected then, and does nothing (account.c).
 */
#include "shim.h"

#include <string.h>

#include <core.h>
#include <debug.h>
#include <eventloop.h>

static guint timer;

void
retry_refused(struct watched *w, const char *reason, gboolean passing)
{
	static const char *const cured[] = { "no-tor", "tor-starting",
					     "tor-dead", "not-pinned" };
	gsize i;

	w->waits_for_tor = FALSE;
	for (i = 0; passing && i < G_N_ELEMENTS(cured); i++)
		if (purple_strequal(reason, cured[i]))
			w->waits_for_tor = TRUE;
}

static void
sign_on(PurpleAccount *account)
{
	struct watched *w = watched_get(account);

	if (!w->waits_for_tor)
		return;
	w->waits_for_tor = FALSE;
	/* As Pidgin and Finch ask before they try again. */
	if (!purple_account_get_enabled(account, purple_core_get_ui()) ||
	    !purple_status_is_online(purple_account_get_active_status(account)))
		return;
	purple_debug_info(SHIM_ID, "%s: Tor is ready, signing on\n",
			  purple_account_get_username(account));
	purple_account_connect(account);
}

static gboolean
retry_cb(gpointer data)
{
	GList *l, *all = g_list_copy(purple_accounts_get_all());

	(void)data;
	timer = 0;
	for (l = all; l; l = l->next)
		if (g_list_find(purple_accounts_get_all(), l->data))
			sign_on(l->data);
	g_list_free(all);
	return FALSE;
}

/* Not at once: libpurple ends a refused connection by such a timer, too, and
 * one that was set before ours. */
void
retry_tor(const struct ponion_event *ev)
{
	if (!timer && strcmp(ev->reason, "ready") == 0)
		timer = purple_timeout_add(0, retry_cb, NULL);
}

void
retry_uninit(void)
{
	if (timer)
		purple_timeout_remove(timer);
	timer = 0;
}
