/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The protocols' own functions, with a guard before each: what has no leave
 * from `signing-on` does not reach the protocol, so that it cannot even look
 * a name up (connection.c runs prpl->login whatever the signal did). Messages
 * pass the wire guards (wire.c), whoever sends them.
 */
#include "wrap.h"

#include <string.h>

/* PurplePluginProtocolInfo * -> struct wrapped *, owned */
static GHashTable *table;

static PurplePluginProtocolInfo *
info_of(PurpleConnection *gc)
{
	return gc->prpl ? PURPLE_PLUGIN_PROTOCOL_INFO(gc->prpl) : NULL;
}

const struct wrapped *
wrap_original(PurpleConnection *gc)
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
	const struct wrapped *own = gc ? wrap_original(gc) : NULL;

	watched_get(account)->registers = FALSE;
	if (own && own->login && has_leave(account))
		own->login(account);
}

static void
register_user(PurpleAccount *account)
{
	PurpleConnection *gc = purple_account_get_connection(account);
	const struct wrapped *own = gc ? wrap_original(gc) : NULL;

	watched_get(account)->registers = TRUE;
	if (own && own->register_user && has_leave(account)) {
		watched_get(account)->registering = TRUE;
		own->register_user(account);
	}
	watched_get(account)->waits_for_tor = FALSE; /* it would sign on */
}

/*
 * libpurple's XMPP takes it for granted that an account which is signing on
 * has a stream, but one that unregisters while offline never logs in
 * (jabber.c, jabber_unregister_account).
 */
static gboolean
would_crash(PurpleAccount *account, PurpleConnection *gc)
{
	return !gc->proto_data && purple_strequal(
		purple_account_get_protocol_id(account), "prpl-jabber");
}

static gboolean
may_unregister(PurpleAccount *account, PurpleConnection *gc)
{
	if (!has_leave(account))
		return FALSE;
	if (!would_crash(account, gc))
		return TRUE;
	watched_get(account)->held = TRUE;
	signon_refuse(account, "not-online",
		      "an account can be removed from its server only while "
		      "it is online: sign on first", FALSE);
	return FALSE;
}

/* An account that is online unregisters without a signal (connection.c). */
static void
unregister_user(PurpleAccount *account, PurpleAccountUnregistrationCb cb,
		void *data)
{
	PurpleConnection *gc = purple_account_get_connection(account);
	const struct wrapped *own = gc ? wrap_original(gc) : NULL;

	if (!own || !own->unregister_user)
		return;
	if (purple_account_is_connected(account) || gc->proto_data ||
	    may_unregister(account, gc)) {
		own->unregister_user(account, cb, data);
		return;
	}
	watched_get(account)->waits_for_tor = FALSE; /* it would sign on */
	if (cb)
		cb(account, FALSE, data);
}

/* libpurple closes what never logged in, and protocols crash on that. */
static void
close_connection(PurpleConnection *gc)
{
	const struct wrapped *own = wrap_original(gc);
	struct watched *w = watched_get(purple_connection_get_account(gc));
	gboolean held = w->held && !gc->proto_data;

	w->held = FALSE;
	if (own && own->close && !held)
		own->close(gc);
}

/* libpurple tells the person of a message that the protocol refuses. */
static int
send_im(PurpleConnection *gc, const char *who, const char *text,
	PurpleMessageFlags flags)
{
	const struct wrapped *own = wrap_original(gc);
	char *allowed = wire_allowed(gc, PONION_WAY_IM, who, text);
	int result = -1;

	if (own && own->send_im && allowed)
		result = own->send_im(gc, who, allowed, flags);
	g_free(allowed);
	return result;
}

static int
chat_send(PurpleConnection *gc, int id, const char *text,
	  PurpleMessageFlags flags)
{
	const struct wrapped *own = wrap_original(gc);
	char *allowed = wire_allowed_chat(gc, id, text);
	int result = -1;

	if (own && own->chat_send && allowed)
		result = own->chat_send(gc, id, allowed, flags);
	g_free(allowed);
	return result;
}

static int
send_raw(PurpleConnection *gc, const char *text, int len)
{
	const struct wrapped *own = wrap_original(gc);
	char *allowed;
	int result = -1;

	/* With its length, and whatever lies behind a NUL. */
	if (own && own->send_raw &&
	    watched_get(purple_connection_get_account(gc))->open)
		return own->send_raw(gc, text, len);
	allowed = wire_allowed_raw(gc, text, len);
	if (own && own->send_raw && allowed)
		result = own->send_raw(gc, allowed, (int)strlen(allowed));
	g_free(allowed);
	return result;
}

#define SLOT(name, guard) \
	{ G_STRUCT_OFFSET(PurplePluginProtocolInfo, name), \
	  G_STRUCT_OFFSET(struct wrapped, name), G_CALLBACK(guard) }

/* What is wrapped: where it stands, where its original is kept, our guard. */
static const struct {
	glong info;
	glong own;
	GCallback guard;
} slots[] = {
	SLOT(login, login),
	SLOT(close, close_connection),
	SLOT(register_user, register_user),
	SLOT(unregister_user, unregister_user),
	SLOT(send_im, send_im),
	SLOT(chat_send, chat_send),
	SLOT(send_raw, send_raw),
	SLOT(send_file, peers_send_file),
	SLOT(new_xfer, peers_new_xfer),
	SLOT(chat_send_file, peers_chat_send_file),
	SLOT(can_receive_file, peers_can_receive_file),
	SLOT(initiate_media, peers_initiate_media),
	SLOT(get_media_caps, peers_get_media_caps),
	SLOT(set_idle, person_set_idle),
	SLOT(set_status, person_set_status),
	SLOT(set_buddy_icon, person_set_buddy_icon),
	SLOT(set_info, person_set_info),
};

/* A protocol of an older libpurple has a shorter table (prpl.h). */
static gboolean
has_slot(const PurplePluginProtocolInfo *info, glong offset)
{
	return offset < (glong)G_STRUCT_OFFSET(PurplePluginProtocolInfo,
					       struct_size) ||
	       offset < (glong)info->struct_size;
}

static GCallback *
slot(gpointer base, glong offset)
{
	return (GCallback *)G_STRUCT_MEMBER_P(base, offset);
}

void
wrap_protocol(PurplePlugin *plugin)
{
	PurplePluginProtocolInfo *info;
	struct wrapped *own;
	gsize i;

	if (!plugin->info || plugin->info->type != PURPLE_PLUGIN_PROTOCOL)
		return;
	info = PURPLE_PLUGIN_PROTOCOL_INFO(plugin);
	if (!info || g_hash_table_lookup(table, info))
		return;
	own = g_new0(struct wrapped, 1);
	for (i = 0; i < G_N_ELEMENTS(slots); i++) {
		GCallback *function = slot(info, slots[i].info);

		if (!has_slot(info, slots[i].info))
			continue;
		*slot(own, slots[i].own) = *function;
		if (*function)
			*function = slots[i].guard;
	}
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
	gpointer info, own;
	gsize i;

	g_hash_table_iter_init(&iter, table);
	while (g_hash_table_iter_next(&iter, &info, &own))
		for (i = 0; i < G_N_ELEMENTS(slots); i++)
			if (*slot(own, slots[i].own) &&
			    *slot(info, slots[i].info) != slots[i].guard)
				return FALSE;
	return TRUE;
}

gboolean
wrap_uninit(void)
{
	GHashTableIter iter;
	gpointer info, own;
	gsize i;

	if (!all_ours())
		return FALSE;
	g_hash_table_iter_init(&iter, table);
	while (g_hash_table_iter_next(&iter, &info, &own))
		for (i = 0; i < G_N_ELEMENTS(slots); i++)
			if (*slot(own, slots[i].own))
				*slot(info, slots[i].info) =
					*slot(own, slots[i].own);
	g_hash_table_destroy(table);
	table = NULL;
	return TRUE;
}
