/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The wire guards: whoever sends, what leaves a protected account passes one
 * of them last. prpl->send_im, chat_send and send_raw are wrapped (wrap.c);
 * XMPP's stanzas and texts and IRC's lines are met in the protocols' signals.
 */
#include "shim.h"

#include <string.h>

#include <debug.h>
#include <xmlnode.h>

/* After every other plugin, and before the handler that sends (jabber.c). */
#define BEFORE_SENDING (PURPLE_SIGNAL_PRIORITY_HIGHEST - 1)

/* The text of the stanza that was just allowed, and on which connection. */
static char *approved;
static PurpleConnection *approved_gc;

static void
approve(PurpleConnection *gc, char *text)
{
	g_free(approved);
	approved = text;
	approved_gc = gc;
}

static void
tell(PurpleConnection *gc, const char *who, const struct ponion_reply *reply)
{
	if (reply->told[0])
		message_say(purple_connection_get_account(gc), who,
			    reply->told, PURPLE_MESSAGE_ERROR);
}

char *
wire_allowed(PurpleConnection *gc, guint32 way, const char *who,
	     const char *text)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	struct ponion_reply reply;
	char *allowed = NULL;

	if (message_ask(account, way, who, text, &reply) == PONION_ALLOW)
		allowed = g_strdup(reply.text ? reply.text : text);
	else
		tell(gc, who, &reply);
	message_done(&reply);
	return allowed;
}

char *
wire_allowed_chat(PurpleConnection *gc, int id, const char *text)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	PurpleConversation *chat = purple_find_chat(gc, id);
	struct ponion_reply reply;
	char *allowed = NULL;

	if (message_ask(account, PONION_WAY_CHAT,
			chat ? purple_conversation_get_name(chat) : NULL,
			text, &reply) == PONION_ALLOW)
		allowed = g_strdup(reply.text ? reply.text : text);
	else
		message_say_chat(gc, id, reply.told);
	message_done(&reply);
	return allowed;
}

/* TRUE where the text may go exactly as it is. */
static gboolean
text_may_go(PurpleConnection *gc, const char *text)
{
	struct ponion_reply reply;
	gboolean may;

	may = message_ask(purple_connection_get_account(gc), PONION_WAY_TEXT,
			  NULL, text, &reply) == PONION_ALLOW && !reply.text;
	if (!may)
		message_refused(purple_connection_get_account(gc),
				reply.told);
	message_done(&reply);
	return may;
}

/* What is sent is what was asked about: nothing behind a NUL goes along. */
char *
wire_allowed_raw(PurpleConnection *gc, const char *text, int len)
{
	gsize length = len < 0 ? strlen(text) : (gsize)len;
	char *whole = g_strndup(text, length);

	if (strlen(whole) != length || !text_may_go(gc, whole)) {
		g_free(whole);
		return NULL;
	}
	return whole;
}

/*
 * The stanza itself is changed: who sends it frees it afterwards, jabber.c by
 * a pointer of its own, lurch by the one that we were given. FALSE where text
 * is no such stanza.
 */
static gboolean
become(xmlnode *node, const char *text)
{
	xmlnode *other = xmlnode_from_str(text, -1), *child;

	if (!other || !purple_strequal(node->name, other->name)) {
		if (other)
			xmlnode_free(other);
		return FALSE;
	}
	while (node->child)
		xmlnode_free(node->child);
	node->child = other->child;
	node->lastchild = other->lastchild;
	other->child = other->lastchild = NULL;
	for (child = node->child; child; child = child->next)
		child->parent = node;
	xmlnode_free(other);
	return TRUE;
}

/*
 * A message belongs in its conversation. Of the rest the person hears where
 * it was for a chat, or went without what the person wrote.
 */
static void
tell_of_stanza(PurpleConnection *gc, const xmlnode *node,
	       const struct ponion_reply *reply)
{
	const char *to = xmlnode_get_attrib(node, "to");
	char *bare;

	if (purple_strequal(node->name, "message")) {
		tell(gc, to, reply);
	} else if (reply->verdict == PONION_ALLOW ||
		   purple_strequal(reply->reason, "chat-not-encrypted")) {
		bare = to ? g_strndup(to, strcspn(to, "/")) : NULL;
		message_kept_back(purple_connection_get_account(gc), bare,
				  reply->told);
		g_free(bare);
	}
}

/* A stanza that may not go is taken away; it stays the caller's. */
static void
jabber_sending_xmlnode_cb(PurpleConnection *gc, xmlnode **packet, void *data)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	struct ponion_reply reply;
	char *text;
	gboolean may;

	(void)data;
	approve(NULL, NULL);
	if (!*packet || watched_get(account)->open)
		return;
	text = xmlnode_to_str(*packet, NULL);
	may = message_ask(account, PONION_WAY_STANZA, NULL, text, &reply) ==
	      PONION_ALLOW;
	tell_of_stanza(gc, *packet, &reply);
	if (may && reply.text) {
		may = become(*packet, reply.text);
		g_free(text);
		text = may ? xmlnode_to_str(*packet, NULL) : NULL;
	}
	message_done(&reply);
	if (may) {
		approve(gc, text);
	} else {
		*packet = NULL;
		g_free(text);
	}
}

/*
 * Below the stanzas: texts that did not come as one (jabber.c,
 * jabber_send_raw) and stanzas that someone changed after they were allowed.
 * The length was taken before: a text goes as it is or not at all.
 */
static void
jabber_sending_text_cb(PurpleConnection *gc, char **text, void *data)
{
	(void)data;
	if (!*text || watched_get(purple_connection_get_account(gc))->open)
		return;
	if (gc == approved_gc && purple_strequal(*text, approved))
		approve(NULL, NULL);
	else if (!text_may_go(gc, *text))
		*text = NULL;
}

void
wire_send_stanza(PurpleConnection *gc, const char *text)
{
	xmlnode *node = xmlnode_from_str(text, -1), *sent = node;

	if (!node)
		return;
	purple_signal_emit(gc->prpl, "jabber-sending-xmlnode", gc, &sent);
	xmlnode_free(node);
}

static const struct {
	const char *protocol;
	const char *signal;
	int priority;
	PurpleCallback callback;
} signals[] = {
	{ "prpl-jabber", "jabber-sending-xmlnode", BEFORE_SENDING,
	  PURPLE_CALLBACK(jabber_sending_xmlnode_cb) },
	{ "prpl-jabber", "jabber-sending-text", PURPLE_SIGNAL_PRIORITY_HIGHEST,
	  PURPLE_CALLBACK(jabber_sending_text_cb) },
	{ "prpl-irc", "irc-sending-text", PURPLE_SIGNAL_PRIORITY_HIGHEST,
	  PURPLE_CALLBACK(irc_sending_text_cb) },
	{ "prpl-jabber", "jabber-receiving-xmlnode",
	  PURPLE_SIGNAL_PRIORITY_LOWEST,
	  PURPLE_CALLBACK(jabber_receiving_first_cb) },
	{ "prpl-jabber", "jabber-receiving-xmlnode",
	  PURPLE_SIGNAL_PRIORITY_HIGHEST,
	  PURPLE_CALLBACK(jabber_receiving_xmlnode_cb) },
	{ "prpl-jabber", "jabber-receiving-iq", PURPLE_SIGNAL_PRIORITY_LOWEST,
	  PURPLE_CALLBACK(jabber_receiving_iq_cb) },
	{ "prpl-irc", "irc-receiving-text", PURPLE_SIGNAL_PRIORITY_HIGHEST,
	  PURPLE_CALLBACK(irc_receiving_text_cb) },
};

void
wire_protocol(PurplePlugin *plugin)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(signals); i++)
		if (purple_strequal(purple_plugin_get_id(plugin),
				    signals[i].protocol))
			purple_signal_connect_priority(plugin,
				signals[i].signal, shim_plugin,
				signals[i].callback, NULL,
				signals[i].priority);
}

void
wire_init(void)
{
	GList *l;

	for (l = purple_plugins_get_protocols(); l; l = l->next)
		wire_protocol(l->data);
}

void
wire_uninit(void)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(signals); i++) {
		PurplePlugin *plugin = purple_plugins_find_with_id(
			signals[i].protocol);

		if (plugin)
			purple_signal_disconnect(plugin, signals[i].signal,
						 shim_plugin,
						 signals[i].callback);
	}
	approve(NULL, NULL);
}
