/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's commands about messages: every way that one can be sent. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

static int handle;

/* ---- what a person would see ---- */

static void
wrote_cb(PurpleAccount *account, const char *who, char *message,
	 PurpleConversation *conv, PurpleMessageFlags flags, gpointer data)
{
	(void)account;
	(void)who;
	(void)data;
	say("wrote %s %s%s%s%s%s| %s", purple_conversation_get_name(conv),
	    flags & PURPLE_MESSAGE_SEND ? "send " : "",
	    flags & PURPLE_MESSAGE_RECV ? "recv " : "",
	    flags & PURPLE_MESSAGE_SYSTEM ? "system " : "",
	    flags & PURPLE_MESSAGE_ERROR ? "error " : "",
	    flags & PURPLE_MESSAGE_NO_LOG ? "nolog " : "", message);
}

/* The one that the person looks at. */
static PurpleConversation *looked_at;

static gboolean
has_focus(PurpleConversation *conv)
{
	return conv == looked_at;
}

static PurpleConversationUiOps conversation_ops = { .has_focus = has_focus };

static void
joined_cb(PurpleConversation *conv, gpointer data)
{
	(void)data;
	say("joined %s", purple_conversation_get_name(conv));
}

static void
file_request_cb(PurpleXfer *xfer, gpointer data)
{
	(void)data;
	say("xfer %s %s", purple_xfer_get_remote_user(xfer),
	    purple_xfer_get_filename(xfer) ? purple_xfer_get_filename(xfer)
					   : "-");
}

/* ---- other plugins ---- */

/* As a plugin that changes what is sent: an xmlnode gets one more body. */
static void
meddle_node_cb(PurpleConnection *gc, xmlnode **packet, gpointer text)
{
	(void)gc;
	if (*packet && purple_strequal((*packet)->name, "message"))
		xmlnode_insert_data(xmlnode_new_child(*packet, "body"), text,
				    -1);
}

static void
meddle_im_cb(PurpleAccount *account, const char *who, char **message,
	     gpointer text)
{
	(void)account;
	(void)who;
	if (!*message)
		return;
	g_free(*message);
	*message = g_strdup(text);
}

/* TRUE: another plugin swallows what is received. */
static gboolean
meddle_receive_cb(PurpleAccount *account, char **sender, char **message,
		  PurpleConversation *conv, PurpleMessageFlags *flags,
		  gpointer text)
{
	(void)account; (void)sender; (void)conv; (void)flags; (void)text;
	say("meddler saw %s", *message);
	return FALSE;
}

/* meddle im|node|receive PRIORITY TEXT */
static void
meddle(char **w)
{
	gboolean node = purple_strequal(w[1], "node");
	gboolean im = purple_strequal(w[1], "im");
	PurpleCallback callback = PURPLE_CALLBACK(meddle_receive_cb);

	if (node)
		callback = PURPLE_CALLBACK(meddle_node_cb);
	else if (im)
		callback = PURPLE_CALLBACK(meddle_im_cb);
	purple_signal_connect_priority(
		node ? (void *)purple_find_prpl("prpl-jabber")
		     : purple_conversations_get_handle(),
		node ? "jabber-sending-xmlnode" : im ? "sending-im-msg"
						     : "receiving-im-msg",
		&handle, callback, g_strdup(w[3]), atoi(w[2]));
}

/* ---- the protocols' functions, as they were before any plugin ---- */

/* Where a protocol's functions stand. */
static const GCallback *
functions_of(const char *protocol, gsize *count)
{
	PurplePluginProtocolInfo *info =
		PURPLE_PLUGIN_PROTOCOL_INFO(purple_find_prpl(protocol));

	*count = (gsize)((GCallback *)&info->struct_size -
			 (GCallback *)&info->list_icon);
	return (const GCallback *)&info->list_icon;
}

static const char *const protocols[] = { "prpl-jabber", "prpl-irc" };
static GCallback before[G_N_ELEMENTS(protocols)][128];

static void
show_slots(void)
{
	gsize i, k, count;
	gboolean same = TRUE;

	for (i = 0; i < G_N_ELEMENTS(protocols); i++) {
		const GCallback *now = functions_of(protocols[i], &count);

		for (k = 0; k < count; k++)
			same = same && now[k] == before[i][k];
	}
	say("slots %s", same ? "own" : "wrapped");
}

void
messages_init(void)
{
	gsize i, k, count;

	for (i = 0; i < G_N_ELEMENTS(protocols); i++) {
		const GCallback *now = functions_of(protocols[i], &count);

		for (k = 0; k < count; k++)
			before[i][k] = now[k];
	}
	purple_conversations_set_ui_ops(&conversation_ops);
	purple_signal_connect(purple_conversations_get_handle(),
			      "wrote-im-msg", &handle,
			      PURPLE_CALLBACK(wrote_cb), NULL);
	purple_signal_connect(purple_conversations_get_handle(),
			      "wrote-chat-msg", &handle,
			      PURPLE_CALLBACK(wrote_cb), NULL);
	purple_signal_connect(purple_conversations_get_handle(),
			      "chat-joined", &handle,
			      PURPLE_CALLBACK(joined_cb), NULL);
	purple_signal_connect(purple_xfers_get_handle(), "file-recv-request",
			      &handle, PURPLE_CALLBACK(file_request_cb), NULL);
}

gboolean
messages_run(char **w)
{
	if (purple_strequal(w[0], "slots"))
		show_slots();
	else if (purple_strequal(w[0], "meddle"))
		meddle(w);
	else if (purple_strequal(w[0], "env"))
		g_setenv(w[1], w[2], TRUE);
	else if (purple_strequal(w[0], "boolpref"))
		purple_prefs_set_bool(w[1], atoi(w[2]));
	else
		return FALSE;
	return TRUE;
}

/* ---- ways to send ---- */

static PurplePluginProtocolInfo *
info_of(PurpleAccount *a)
{
	return PURPLE_PLUGIN_PROTOCOL_INFO(
		purple_account_get_connection(a)->prpl);
}

/* The chat of that name, else the IM, made where there is none. */
static PurpleConversation *
talk(PurpleAccount *a, const char *who)
{
	PurpleConversation *conv = purple_find_conversation_with_account(
		PURPLE_CONV_TYPE_CHAT, who, a);

	return conv ? conv : purple_conversation_new(PURPLE_CONV_TYPE_IM, a,
						     who);
}

static void
cmd_type(PurpleAccount *a, char **w)
{
	PurpleConversation *conv = talk(a, w[2]);

	if (purple_conversation_get_type(conv) == PURPLE_CONV_TYPE_IM)
		purple_conv_im_send(PURPLE_CONV_IM(conv), w[3]);
	else
		purple_conv_chat_send(PURPLE_CONV_CHAT(conv), w[3]);
	say("typed");
}

static void
cmd_look(PurpleAccount *a, char **w)
{
	looked_at = w[2] ? talk(a, w[2]) : NULL;
}

static void
cmd_slash(PurpleAccount *a, char **w)
{
	PurpleConversation *conv = talk(a, w[2]);
	char *error = NULL;
	PurpleCmdStatus status = purple_cmd_do_command(conv, w[3], w[3],
						       &error);

	say("slash %d %s", (int)status, error ? error : "");
	g_free(error);
}

static void
cmd_join(PurpleAccount *a, char **w)
{
	PurpleConnection *gc = purple_account_get_connection(a);

	serv_join_chat(gc, info_of(a)->chat_info_defaults(gc, w[2]));
}

static int
chat_id(PurpleAccount *a, const char *room)
{
	return purple_conv_chat_get_id(PURPLE_CONV_CHAT(talk(a, room)));
}

static void
cmd_chat_send(PurpleAccount *a, char **w)
{
	say("sent %d", serv_chat_send(purple_account_get_connection(a),
				      chat_id(a, w[2]), w[3], 0));
}

static void
cmd_topic(PurpleAccount *a, char **w)
{
	info_of(a)->set_chat_topic(purple_account_get_connection(a),
				   chat_id(a, w[2]), w[3]);
}

static void
cmd_invite(PurpleAccount *a, char **w)
{
	serv_chat_invite(purple_account_get_connection(a), chat_id(a, w[2]),
			 w[4], w[3]);
}

/* A length of its own sends what lies behind a NUL, too. */
static void
cmd_raw(PurpleAccount *a, char **w)
{
	char *text = g_strcompress(w[2]);
	int len = w[3] ? atoi(w[3]) : -1;

	if (len > 0)
		text[strcspn(text, "@")] = '\0';
	say("raw %d", info_of(a)->send_raw(purple_account_get_connection(a),
					   text, len));
	g_free(text);
}

/* What would go instead of a line, as irc.c asks before it writes one. */
static void
cmd_irc_line(PurpleAccount *a, char **w)
{
	PurpleConnection *gc = purple_account_get_connection(a);
	char *text = g_strcompress(w[2]), *shown;

	purple_signal_emit(gc->prpl, "irc-sending-text", gc, &text);
	shown = g_strescape(text ? text : "(none)", NULL);
	say("line %s", shown);
	g_free(shown);
	g_free(text);
}

/* The same of jabber.c, which keeps the text. */
static void
cmd_jabber_text(PurpleAccount *a, char **w)
{
	PurpleConnection *gc = purple_account_get_connection(a);
	char *text = w[2];

	purple_signal_emit(gc->prpl, "jabber-sending-text", gc, &text);
	say("text %s", text ? text : "(none)");
}

/* A stanza by the protocol's own way, as lurch and other plugins send one. */
static void
cmd_node(PurpleAccount *a, char **w)
{
	PurpleConnection *gc = purple_account_get_connection(a);
	xmlnode *node = xmlnode_from_str(w[2], -1), *sent = node;

	purple_signal_emit(gc->prpl, "jabber-sending-xmlnode", gc, &sent);
	say("node %s", !sent ? "kept back" : sent == node ? "sent" : "other");
	xmlnode_free(node);
}

static void
cmd_attention(PurpleAccount *a, char **w)
{
	purple_prpl_send_attention(purple_account_get_connection(a), w[2], 0);
}

static void
cmd_got(PurpleAccount *a, char **w)
{
	serv_got_im(purple_account_get_connection(a), w[2], w[3],
		    PURPLE_MESSAGE_RECV, time(NULL));
}

static void
cmd_buddy(PurpleAccount *a, char **w)
{
	PurpleBuddy *buddy = purple_buddy_new(a, w[2], NULL);

	purple_blist_add_buddy(buddy, NULL, NULL, NULL);
}

/* As a person does: on the server too, asking for her presence. */
static void
cmd_add(PurpleAccount *a, char **w)
{
	PurpleBuddy *buddy = purple_buddy_new(a, w[2], NULL);

	purple_blist_add_buddy(buddy, NULL, NULL, NULL);
	purple_account_add_buddy(a, buddy);
}

/* ---- conversations ---- */

static void
cmd_logging(PurpleAccount *a, char **w)
{
	PurpleConversation *conv = talk(a, w[2]);

	if (w[3])
		purple_conversation_set_logging(conv, atoi(w[3]));
	say("logging %s %d", w[2], purple_conversation_is_logging(conv));
}

/* Choose an entry of a menu, at any depth; says all that are there. */
static void
choose(GList *menu, gpointer object, const char *wanted)
{
	GList *l;

	for (l = menu; l; l = l->next) {
		PurpleMenuAction *action = l->data;

		say("entry %s", action->label);
		choose(action->children, object, wanted);
		if (purple_strequal(action->label, wanted) && action->callback)
			((void (*)(gpointer, gpointer))action->callback)(
				object, action->data);
	}
}

static void
cmd_menu(PurpleAccount *a, char **w)
{
	PurpleConversation *conv = talk(a, w[2]);
	GList *menu = purple_conversation_get_extended_menu(conv);

	choose(menu, conv, w[3]);
	g_list_free_full(menu, (GDestroyNotify)purple_menu_action_free);
	say("menu done");
}

static void
cmd_buddy_menu(PurpleAccount *a, char **w)
{
	PurpleBlistNode *node = (PurpleBlistNode *)purple_find_buddy(a, w[2]);
	GList *menu = purple_blist_node_get_extended_menu(node);

	choose(menu, node, w[3]);
	g_list_free_full(menu, (GDestroyNotify)purple_menu_action_free);
	say("menu done");
}

/* time ACCOUNT WHO TEXT COUNT: microseconds of typing it, each. */
static void
cmd_time(PurpleAccount *a, char **w)
{
	PurpleConvIm *im = PURPLE_CONV_IM(talk(a, w[2]));
	gint64 start = g_get_monotonic_time();
	int i, count = atoi(w[4]);

	for (i = 0; i < count; i++)
		purple_conv_im_send(im, w[3]);
	say("time %.1f", (double)(g_get_monotonic_time() - start) / count);
}

const struct host_command message_commands[] = {
	{ "type", cmd_type },		/* ACCOUNT WHO TEXT */
	{ "look", cmd_look },		/* ACCOUNT [WHO] */
	{ "slash", cmd_slash },		/* ACCOUNT WHO COMMAND, without / */
	{ "join", cmd_join },		/* ACCOUNT ROOM */
	{ "chat-send", cmd_chat_send },	/* ACCOUNT ROOM TEXT */
	{ "topic", cmd_topic },		/* ACCOUNT ROOM TEXT */
	{ "invite", cmd_invite },	/* ACCOUNT ROOM WHO REASON */
	{ "raw", cmd_raw },		/* ACCOUNT TEXT [LENGTH] */
	{ "irc-line", cmd_irc_line },	/* ACCOUNT LINE */
	{ "jabber-text", cmd_jabber_text },	/* ACCOUNT TEXT */
	{ "node", cmd_node },		/* ACCOUNT XML */
	{ "attention", cmd_attention },	/* ACCOUNT WHO */
	{ "got", cmd_got },		/* ACCOUNT WHO TEXT */
	{ "buddy", cmd_buddy },		/* ACCOUNT WHO */
	{ "add", cmd_add },		/* ACCOUNT WHO */
	{ "logging", cmd_logging },	/* ACCOUNT WHO [0|1] */
	{ "menu", cmd_menu },		/* ACCOUNT WHO LABEL */
	{ "buddy-menu", cmd_buddy_menu },
	{ "time", cmd_time },		/* ACCOUNT WHO TEXT COUNT */
	{ NULL, NULL },
};
