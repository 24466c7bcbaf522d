/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The protocols' own functions, with a guard before each: what has no leave
 * from `signing-on` does not reach the protocol, so that it cannot even look
 * a name up (connection.c runs prpl->login whatever the signal did).
 */
#include "shim.h"

#include <debug.h>
#include <prpl.h>

struct wrapped {
	void (*login)(PurpleAccount *account);
	void (*close)(PurpleConnection *gc);
	void (*register_user)(PurpleAccount *account);
	void (*unregister_user)(PurpleAccount *account,
				PurpleAccountUnregistrationCb cb, void *data);
};

/* PurplePluginProtocolInfo * -> struct wrapped *, owned */
static GHashTable *table;

static PurplePluginProtocolInfo *
info_of(PurpleConnection *gc)
{
	return gc->prpl ? PURPLE_PLUGIN_PROTOCOL_INFO(gc->prpl) : NULL;
}

static const struct wrapped *
original(PurpleConnection *gc)
{
	return g_hash_table_lookup(table, info_of(gc));
}

/*
 * TRUE once for each leave. Without one the protocol never sees the
 * connection, which is remembered for close.
 */
static gboolean
has_leave(PurpleAccount *account)
{
	struct watched *w = watched_get(account);
	gboolean may = w->may;

	w->may = FALSE;
	w->held = !may;
	if (!may)
		signon_refuse(account, "fact-missing",
			      "purple-onion did not see this connection begin",
			      FALSE);
	return may;
}

static void
login(PurpleAccount *account)
{
	PurpleConnection *gc = purple_account_get_connection(account);
	const struct wrapped *own = gc ? original(gc) : NULL;

	if (own && own->login && has_leave(account))
		own->login(account);
}

static void
register_user(PurpleAccount *account)
{
	PurpleConnection *gc = purple_account_get_connection(account);
	const struct wrapped *own = gc ? original(gc) : NULL;

	if (own && own->register_user && has_leave(account)) {
		watched_get(account)->registering = TRUE;
		own->register_user(account);
	}
}

/* An account that is online unregisters without a signal (connection.c). */
static void
unregister_user(PurpleAccount *account, PurpleAccountUnregistrationCb cb,
		void *data)
{
	PurpleConnection *gc = purple_account_get_connection(account);
	const struct wrapped *own = gc ? original(gc) : NULL;

	if (!own || !own->unregister_user)
		return;
	if (purple_account_is_connected(account) || gc->proto_data ||
	    has_leave(account))
		own->unregister_user(account, cb, data);
	else if (cb)
		cb(account, FALSE, data);
}

/* libpurple closes what never logged in, and protocols crash on that. */
static void
close_connection(PurpleConnection *gc)
{
	const struct wrapped *own = original(gc);
	struct watched *w = watched_get(purple_connection_get_account(gc));
	gboolean held = w->held && !gc->proto_data;

	w->held = FALSE;
	if (own && own->close && !held)
		own->close(gc);
}

void
wrap_protocol(PurplePlugin *plugin)
{
	PurplePluginProtocolInfo *info;
	struct wrapped *own;

	if (!plugin->info || plugin->info->type != PURPLE_PLUGIN_PROTOCOL)
		return;
	info = PURPLE_PLUGIN_PROTOCOL_INFO(plugin);
	if (!info || g_hash_table_lookup(table, info))
		return;
	own = g_new0(struct wrapped, 1);
	own->login = info->login;
	own->close = info->close;
	own->register_user = info->register_user;
	own->unregister_user = info->unregister_user;
	info->login = login;
	info->close = close_connection;
	if (own->register_user)
		info->register_user = register_user;
	if (own->unregister_user)
		info->unregister_user = unregister_user;
	g_hash_table_insert(table, info, own);
}

void
wrap_init(void)
{
	GList *l;

	table = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL,
				      g_free);
	for (l = purple_plugins_get_protocols(); l; l = l->next)
		wrap_protocol(l->data);
}

static gboolean
all_ours(void)
{
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, table);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		PurplePluginProtocolInfo *info = key;

		struct wrapped *own = g_hash_table_lookup(table, key);

		if (info->login != login || info->close != close_connection ||
		    (own->register_user &&
		     info->register_user != register_user) ||
		    (own->unregister_user &&
		     info->unregister_user != unregister_user))
			return FALSE;
	}
	return TRUE;
}

gboolean
wrap_uninit(void)
{
	GHashTableIter iter;
	gpointer key, value;

	if (!all_ours())
		return FALSE;
	g_hash_table_iter_init(&iter, table);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		PurplePluginProtocolInfo *info = key;
		struct wrapped *own = value;

		info->login = own->login;
		info->close = own->close;
		info->register_user = own->register_user;
		info->unregister_user = own->unregister_user;
	}
	g_hash_table_destroy(table);
	table = NULL;
	return TRUE;
}
