/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What came, before the protocol has it: questions about the person, which
 * libpurple answers by itself to anybody, offers of files and calls, and
 * avatars that it would fetch past Tor.
 */
#include "shim.h"

#include <string.h>

#include <debug.h>

#define DEEPEST 256		/* libxml2's own bound, where one is set */

/* Without a call within a call, as all of this must be. */
static gboolean
too_deep(const xmlnode *root)
{
	const xmlnode *node = root;
	int depth = 0;

	for (;;) {
		if (node->child) {
			if (++depth > DEEPEST)
				return TRUE;
			node = node->child;
			continue;
		}
		for (; node != root && !node->next; depth--)
			node = node->parent;
		if (node == root)
			return FALSE;
		node = node->next;
	}
}

static void
dismantle(xmlnode *root)
{
	xmlnode *node = root, *parent;

	while (node != root || node->child) {
		if (node->child) {
			node = node->child;
			continue;
		}
		parent = node->parent;
		parent->child = node->next;
		if (!parent->child)
			parent->lastchild = NULL;
		node->parent = NULL;
		xmlnode_free(node);
		node = parent;
	}
	xmlnode_free(root);
}

static gboolean
is_sealed(const xmlnode *packet)
{
	return purple_strequal(packet->name, "message") &&
	       xmlnode_get_child_with_namespace(packet, "encrypted",
			"eu.siacs.conversations.axolotl");
}

/*
 * Before all others. libpurple reads elements nested however deep, and writes
 * and frees them by a call within a call, which ends the program at some depth
 * (xmlnode.c). Lurch (9899) puts a message without the sealed part in its
 * place where it could decrypt it: so we know, when it is shown, that it was.
 */
void
jabber_receiving_first_cb(PurpleConnection *gc, xmlnode **packet, void *data)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	struct watched *w = watched_get(account);

	(void)data;
	w->decrypted = FALSE;
	if (*packet && !w->open && too_deep(*packet)) {
		purple_debug_warning(SHIM_ID, "%s: too deep, and dropped\n",
				     purple_account_get_username(account));
		dismantle(*packet);
		*packet = NULL;
	}
	w->sealed = *packet && is_sealed(*packet);
}

/*
 * A message, or an answer about personal events, where OMEMO's devices are
 * among: lurch is to hear of them. Other answers are not asked about (a roster
 * may be large), nor presences; questions have a signal of their own.
 */
static gboolean
asked_about(const xmlnode *packet)
{
	if (purple_strequal(packet->name, "message"))
		return TRUE;
	return purple_strequal(packet->name, "iq") &&
	       purple_strequal(xmlnode_get_attrib(packet, "type"), "result") &&
	       xmlnode_get_child_with_namespace(packet, "pubsub",
			"http://jabber.org/protocol/pubsub");
}

/* The caller frees what *packet is in the end (jabber.c). */
void
jabber_receiving_xmlnode_cb(PurpleConnection *gc, xmlnode **packet, void *data)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	struct ponion_reply reply;
	xmlnode *instead = *packet;
	char *text;

	(void)data;
	if (!*packet || !asked_about(*packet) || watched_get(account)->open)
		return;
	watched_get(account)->decrypted = watched_get(account)->sealed &&
					  !is_sealed(*packet);
	text = xmlnode_to_str(*packet, NULL);
	if (message_ask(account, PONION_WAY_ARRIVED_STANZA, NULL, text,
			&reply) != PONION_ALLOW)
		instead = NULL;
	else if (reply.text)
		instead = xmlnode_from_str(reply.text, -1);
	message_done(&reply);
	g_free(text);
	if (instead != *packet) {
		xmlnode_free(*packet);
		*packet = instead;
	}
}

#define QUESTIONS_A_SECOND 50

/*
 * More than anybody has to ask. A roster push, which has no sender or the
 * account itself (RFC 6121, 2.1.6), does not count.
 */
static gboolean
too_many(PurpleAccount *account, const char *type, const char *from)
{
	struct watched *w = watched_get(account);
	const char *own = purple_account_get_username(account);
	gint64 now = g_get_monotonic_time() / G_USEC_PER_SEC;
	gsize bare = from ? strcspn(from, "/") : 0;

	if (purple_strequal(type, "set") &&
	    (!from || (!g_ascii_strncasecmp(own, from, bare) &&
		       (own[bare] == '/' || own[bare] == '\0'))))
		return FALSE;
	if (w->questioned != now)
		w->questions = 0;
	w->questioned = now;
	return ++w->questions > QUESTIONS_A_SECOND;
}

/*
 * TRUE: libpurple does not see it, and so does not answer. In a flood nobody
 * does: to read them all, and to have the answers read by the guard of what
 * leaves, would hold the program up.
 */
gboolean
jabber_receiving_iq_cb(PurpleConnection *gc, const char *type, const char *id,
		       const char *from, xmlnode *iq, void *data)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	struct ponion_reply reply;
	gboolean swallowed;
	char *text;

	(void)id;
	(void)data;
	if ((!purple_strequal(type, "get") && !purple_strequal(type, "set")) ||
	    watched_get(account)->open)
		return FALSE;
	if (too_many(account, type, from))
		return TRUE;
	text = xmlnode_to_str(iq, NULL);
	swallowed = message_ask(account, PONION_WAY_ARRIVED_STANZA, NULL, text,
				&reply) != PONION_ALLOW;
	if (swallowed && reply.text)
		wire_send_stanza(gc, reply.text);
	message_done(&reply);
	g_free(text);
	return swallowed;
}

/*
 * libpurple goes on with the memory that it gave us (irc.c): what is not to be
 * read is overwritten. A line of x is no command, and only logged.
 */
void
irc_receiving_text_cb(PurpleConnection *gc, char **text, void *data)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	struct ponion_reply reply;
	gsize length;
	int verdict;

	(void)data;
	if (!*text || watched_get(account)->open)
		return;
	length = strlen(*text);
	verdict = message_ask(account, PONION_WAY_ARRIVED_IRC, NULL, *text,
			      &reply);
	if (reply.text && strlen(reply.text) == length)
		memcpy(*text, reply.text, length);
	else if (reply.text || verdict != PONION_ALLOW)
		memset(*text, 'x', length);
	message_done(&reply);
}
