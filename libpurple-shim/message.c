/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message on its way between a person and the protocol. The helper is asked
 * about each; no answer, or one of two minds, is a block.
 */
#include "shim.h"

#include <string.h>

#include <blist.h>
#include <debug.h>
#include <notify.h>
#include <util.h>

#define OTR_ID "otr"
#define LURCH_ID "core-riba-lurch"

gboolean
message_encrypts(PurplePlugin *plugin)
{
	const char *id = purple_plugin_get_id(plugin);

	return purple_strequal(id, OTR_ID) || purple_strequal(id, LURCH_ID);
}

static gboolean
plugin_loaded(const char *id)
{
	PurplePlugin *plugin = purple_plugins_find_with_id(id);

	return plugin && purple_plugin_is_loaded(plugin);
}

guint32
message_flags(PurpleAccount *account, const char *who)
{
	guint32 flags = 0;

	if (who && purple_find_buddy(account, who))
		flags |= PONION_MESSAGE_ON_LIST;
	if (plugin_loaded(OTR_ID))
		flags |= PONION_MESSAGE_PIDGIN_OTR;
	if (plugin_loaded(LURCH_ID))
		flags |= PONION_MESSAGE_LURCH;
	return flags;
}

static int
block(struct ponion_reply *reply, const char *reason, const char *told)
{
	reply->verdict = PONION_BLOCK;
	g_strlcpy(reply->reason, reason, sizeof(reply->reason));
	g_strlcpy(reply->told, told, sizeof(reply->told));
	return PONION_BLOCK;
}

static int
ask_helper(const struct ponion_api *api, const struct ponion_message *m,
	   struct ponion_reply *reply)
{
	switch (m->way) {
	case PONION_WAY_TYPED:
		return api->decide_send(m, reply);
	case PONION_WAY_RECEIVED:
	case PONION_WAY_ARRIVED_STANZA:
	case PONION_WAY_ARRIVED_IRC:
		return api->decide_receive(m, reply);
	default:
		return api->decide_wire(m, reply);
	}
}

/*
 * Two witnesses, and only a typed message can be held. A block may be silent
 * where it has a reason, and where it takes a line of OTR's own out of what
 * was received; an answer that makes no sense is none.
 */
static int
verdict_of(int returned, guint32 way, struct ponion_reply *reply)
{
	gboolean sense = returned == (int)reply->verdict &&
			 (returned == PONION_BLOCK ||
			  returned == PONION_ALLOW ||
			  (returned == PONION_HOLD &&
			   way == PONION_WAY_TYPED));

	if (sense && returned != PONION_BLOCK)
		return returned;
	reply->verdict = PONION_BLOCK;
	if (!reply->told[0] && (!sense || (!reply->reason[0] &&
					   way != PONION_WAY_RECEIVED)))
		block(reply, "fact-missing",
		      "purple-onion's helper gave no answer");
	return PONION_BLOCK;
}

int
message_ask(PurpleAccount *account, guint32 way, const char *who,
	    const char *text, struct ponion_reply *reply)
{
	const struct ponion_api *api = helper_api();
	struct watched *w = watched_get(account);
	struct ponion_message m = { .size = sizeof(m) };
	gsize length = strlen(text);
	char *buddy;
	int verdict;

	memset(reply, 0, sizeof(*reply));
	reply->size = sizeof(*reply);
	if (w->open) {
		reply->verdict = PONION_ALLOW;
		return PONION_ALLOW;
	}
	if (!api) {
		block(reply, "helper-missing", "");
		g_snprintf(reply->told, sizeof(reply->told),
			   "purple-onion's helper does not work: %s",
			   helper_fault());
		return PONION_BLOCK;
	}
	if (length > PONION_MESSAGE_MAX)
		return block(reply, "too-long", "the message is too long");
	buddy = who ? g_strdup(purple_normalize(account, who)) : NULL;
	m.way = way;
	m.sign_on = w->sign_on;
	m.flags = message_flags(account, who);
	if (w->decrypted && (way == PONION_WAY_RECEIVED ||
			     way == PONION_WAY_ARRIVED_STANZA))
		m.flags |= PONION_MESSAGE_OMEMO;
	m.length = (guint32)length;
	m.buddy = buddy;
	m.text = text;
	verdict = verdict_of(ask_helper(api, &m, reply), way, reply);
	g_free(buddy);
	if (verdict != PONION_ALLOW)
		purple_debug_info(SHIM_ID, "%s: way %u: %s (%s)\n",
				  purple_account_get_username(account), way,
				  verdict == PONION_HOLD ? "held" : "blocked",
				  reply->reason);
	return verdict;
}

void
message_done(struct ponion_reply *reply)
{
	if (reply->text && helper_api())
		helper_api()->free_text(reply->text);
	reply->text = NULL;
}

void
message_replace(char **message, const char *text)
{
	char *copy = g_strdup(text);

	g_free(*message);
	*message = copy;
}

/* Plain text as the HTML that a conversation shows; owned. */
static char *
as_html(const char *text)
{
	char *escaped = g_markup_escape_text(text, -1);
	char *html = purple_strdup_withhtml(escaped);

	g_free(escaped);
	return html;
}

static void
write_line(PurpleConversation *conv, const char *text, PurpleMessageFlags kind)
{
	char *html = as_html(text);

	purple_conversation_write(conv, NULL, html,
				  kind | PURPLE_MESSAGE_NO_LOG, time(NULL));
	g_free(html);
}

/* The IM, made where there is none and the account is connected. */
static PurpleConversation *
im_with(PurpleAccount *account, const char *who)
{
	PurpleConversation *conv = purple_find_conversation_with_account(
		PURPLE_CONV_TYPE_IM, who, account);

	if (!conv && purple_account_get_connection(account))
		conv = purple_conversation_new(PURPLE_CONV_TYPE_IM, account,
					       who);
	return conv;
}

void
message_say(PurpleAccount *account, const char *who, const char *text,
	    PurpleMessageFlags kind)
{
	PurpleConversation *conv;

	if (!*text || !who || !*who)
		return;
	conv = purple_find_conversation_with_account(PURPLE_CONV_TYPE_CHAT,
						     who, account);
	if (!conv)
		conv = im_with(account, who);
	if (conv)
		write_line(conv, text, kind);
}

void
message_say_chat(PurpleConnection *gc, int id, const char *text)
{
	PurpleConversation *conv = purple_find_chat(gc, id);

	if (conv && *text)
		write_line(conv, text, PURPLE_MESSAGE_ERROR);
}

/* The account's conversation that the person looks at, or NULL. */
static PurpleConversation *
in_focus(PurpleAccount *account)
{
	GList *l;

	for (l = purple_get_conversations(); l; l = l->next)
		if (purple_conversation_get_account(l->data) == account &&
		    purple_conversation_has_focus(l->data))
			return l->data;
	return NULL;
}

void
message_refused(PurpleAccount *account, const char *told)
{
	struct watched *w = watched_get(account);
	PurpleConversation *conv;

	if (!w->refusals)
		w->refusals = g_hash_table_new_full(g_str_hash, g_str_equal,
						    g_free, NULL);
	if (!*told || g_hash_table_lookup(w->refusals, told))
		return;
	g_hash_table_insert(w->refusals, g_strdup(told), w);
	conv = in_focus(account);
	if (conv)
		write_line(conv, told, PURPLE_MESSAGE_ERROR);
	else
		purple_notify_info(shim_plugin, "purple-onion",
				   purple_account_get_username(account),
				   told);
}

void
message_kept_back(PurpleAccount *account, const char *room, const char *told)
{
	if (room && purple_find_conversation_with_account(
			    PURPLE_CONV_TYPE_CHAT, room, account))
		message_say(account, room, told, PURPLE_MESSAGE_ERROR);
	else
		message_refused(account, told);
}

/* The helper keeps the text: the person sees it as if it had gone. */
static void
show_held(PurpleAccount *account, const char *who, const char *message)
{
	PurpleConversation *conv = im_with(account, who);
	char *shown = purple_markup_linkify(message);

	if (conv)
		purple_conv_im_write(PURPLE_CONV_IM(conv), NULL, shown,
				     PURPLE_MESSAGE_SEND |
				     PURPLE_MESSAGE_NO_LOG, time(NULL));
	g_free(shown);
}

void
sending_im_msg_cb(PurpleAccount *account, const char *who, char **message,
		  void *data)
{
	struct ponion_reply reply;
	int verdict;

	(void)data;
	if (!*message || !**message || watched_get(account)->open)
		return;
	verdict = message_ask(account, PONION_WAY_TYPED, who, *message,
			      &reply);
	if (verdict == PONION_HOLD)
		show_held(account, who, *message);
	lines_drain();
	if (verdict != PONION_ALLOW)
		message_replace(message, NULL);
	else if (reply.text)
		message_replace(message, reply.text);
	if (verdict != PONION_ALLOW)
		message_say(account, who, reply.told,
			    verdict == PONION_HOLD ? PURPLE_MESSAGE_SYSTEM
						   : PURPLE_MESSAGE_ERROR);
	message_done(&reply);
}

void
sending_chat_msg_cb(PurpleAccount *account, char **message, int id, void *data)
{
	PurpleConnection *gc = purple_account_get_connection(account);
	char *allowed;

	(void)data;
	if (!*message || !**message || watched_get(account)->open)
		return;
	allowed = gc ? wire_allowed_chat(gc, id, *message) : NULL;
	g_free(*message);
	*message = allowed;
}

gboolean
receiving_im_msg_cb(PurpleAccount *account, char **sender, char **message,
		    PurpleConversation *conv, PurpleMessageFlags *flags,
		    void *data)
{
	struct ponion_reply reply;
	int verdict;

	(void)conv;
	(void)flags;
	(void)data;
	if (!*sender || !*message || watched_get(account)->open ||
	    lines_showing())
		return FALSE;
	verdict = message_ask(account, PONION_WAY_RECEIVED, *sender, *message,
			      &reply);
	if (verdict == PONION_ALLOW && reply.text)
		message_replace(message, reply.text);
	lines_drain();
	if (verdict != PONION_ALLOW)
		message_say(account, *sender, reply.told,
			    PURPLE_MESSAGE_SYSTEM);
	message_done(&reply);
	return verdict != PONION_ALLOW;
}
