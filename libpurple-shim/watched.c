/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the shim remembers of each account. */
#include "shim.h"

#include <eventloop.h>
#include <request.h>

static GHashTable *table;	/* PurpleAccount * -> struct watched *, owned */
static guint64 last_handle;	/* not reset: a handle is never used again */

void
watched_end_session(struct watched *w)
{
	if (w->pins)
		g_key_file_free(w->pins);
	w->pins = NULL;
	g_free(w->name);
	w->name = NULL;
	g_free(w->irc_asked);
	g_free(w->irc_sent);
	w->irc_asked = w->irc_sent = NULL;
	if (w->irc_farewell)
		g_string_free(w->irc_farewell, TRUE);
	w->irc_farewell = NULL;
	g_free(w->status);
	w->status = NULL;
	if (w->status_timer)
		purple_timeout_remove(w->status_timer);
	w->status_timer = 0;
	w->ended = FALSE;
	if (w->refusals)
		g_hash_table_destroy(w->refusals);
	w->refusals = NULL;
	w->sign_on = 0;
	w->may = FALSE;
	w->online = FALSE;
	w->told = FALSE;
	w->registering = FALSE;
	w->open = FALSE;
}

static void
watched_free(gpointer data)
{
	struct watched *w = data;

	purple_request_close_with_handle(w); /* newcomer.c */
	watched_end_session(w);
	g_free(w);
}

void
watched_init(void)
{
	table = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL,
				      watched_free);
}

void
watched_uninit(void)
{
	g_hash_table_destroy(table);
	table = NULL;
}

struct watched *
watched_get(PurpleAccount *account)
{
	struct watched *w = g_hash_table_lookup(table, account);

	if (!w) {
		w = g_new0(struct watched, 1);
		w->handle = ++last_handle;
		g_hash_table_insert(table, account, w);
	}
	return w;
}

PurpleAccount *
watched_find(guint64 handle)
{
	GHashTableIter iter;
	gpointer account, w;

	g_hash_table_iter_init(&iter, table);
	while (g_hash_table_iter_next(&iter, &account, &w))
		if (((struct watched *)w)->handle == handle)
			return account;
	return NULL;
}

void
watched_forget(PurpleAccount *account)
{
	g_hash_table_remove(table, account);
}
