/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OTR as the person uses it: /otr in any conversation, and the same in the
 * menus of conversations (Pidgin) and of the buddy list (Pidgin and Finch).
 * What is typed behind /otr may be a secret: it is not written anywhere.
 */
#include "shim.h"

#include <string.h>

#include <blist.h>
#include <cmds.h>
#include <util.h>

#define HELP \
	"otr COMMAND: private conversations. /otr help shows the commands."

static PurpleCmdId command;

static GKeyFile *
request_new(PurpleAccount *account, const char *verb)
{
	GKeyFile *request = call_new("otr");
	struct watched *w = watched_get(account);

	g_key_file_set_string(request, "request", "verb", verb);
	g_key_file_set_uint64(request, "request", "handle", w->handle);
	g_key_file_set_uint64(request, "request", "sign_on", w->sign_on);
	g_key_file_set_string(request, "request", "protocol",
			      purple_account_get_protocol_id(account));
	g_key_file_set_string(request, "request", "name",
			      purple_account_get_username(account));
	return request;
}

void
otr_flags(GKeyFile *request, guint32 flags)
{
	g_key_file_set_integer(request, "request", "on_list",
			       !!(flags & PONION_MESSAGE_ON_LIST));
	g_key_file_set_integer(request, "request", "pidgin_otr",
			       !!(flags & PONION_MESSAGE_PIDGIN_OTR));
	g_key_file_set_integer(request, "request", "lurch",
			       !!(flags & PONION_MESSAGE_LURCH));
}

void
otr_do(PurpleAccount *account, const char *who, const char *verb,
       const char *text)
{
	GKeyFile *request, *answer;
	char *told;

	request = request_new(account, verb);
	g_key_file_set_string(request, "request", "buddy",
			      purple_normalize(account, who));
	if (text)
		g_key_file_set_string(request, "request", "text", text);
	otr_flags(request, message_flags(account, who));
	answer = call_helper(request);
	told = call_text(answer);
	message_say(account, who, told, PURPLE_MESSAGE_SYSTEM);
	g_free(told);
	if (answer)
		g_key_file_free(answer);
	lines_drain();
}

void
otr_opened(PurpleConversation *conv)
{
	PurpleAccount *account = purple_conversation_get_account(conv);
	const char *who = purple_conversation_get_name(conv);

	if (purple_conversation_get_type(conv) == PURPLE_CONV_TYPE_IM &&
	    purple_account_is_connected(account) &&
	    !watched_get(account)->open &&
	    (message_flags(account, who) & PONION_MESSAGE_LURCH))
		otr_do(account, who, "opened", NULL);
}

/* ---- /otr ---- */

static PurpleCmdRet
otr_cmd_cb(PurpleConversation *conv, const gchar *cmd, gchar **args,
	   gchar **error, void *data)
{
	(void)cmd;
	(void)error;
	(void)data;
	otr_do(purple_conversation_get_account(conv),
	       purple_conversation_get_name(conv), args[0] ? args[0] : "help",
	       args[0] ? args[1] : NULL);
	return PURPLE_CMD_RET_OK;
}

void
otr_init(void)
{
	command = purple_cmd_register("otr", "ws", PURPLE_CMD_P_PLUGIN,
				      PURPLE_CMD_FLAG_IM |
				      PURPLE_CMD_FLAG_ALLOW_WRONG_ARGS, NULL,
				      otr_cmd_cb, HELP, NULL);
}

void
otr_uninit(void)
{
	if (command)
		purple_cmd_unregister(command);
	command = 0;
}

/* ---- the menus ---- */

static const struct {
	const char *label;
	const char *verb;	/* NULL: the form to verify */
} entries[] = {
	{ "Start private conversation", "start" },
	{ "End private conversation", "end" },
	{ "Refresh private conversation", "refresh" },
	{ "Verify buddy...", NULL },
	{ "Status", "status" },
};

static void
chosen(PurpleAccount *account, const char *who, gpointer entry)
{
	const char *verb = entries[GPOINTER_TO_UINT(entry)].verb;

	if (verb)
		otr_do(account, who, verb, NULL);
	else
		verify_show(account, who);
}

static void
conversation_chosen_cb(PurpleConversation *conv, gpointer entry)
{
	chosen(purple_conversation_get_account(conv),
	       purple_conversation_get_name(conv), entry);
}

static void
buddy_chosen_cb(PurpleBlistNode *node, gpointer entry)
{
	PurpleBuddy *buddy = (PurpleBuddy *)node;

	chosen(purple_buddy_get_account(buddy), purple_buddy_get_name(buddy),
	       entry);
}

static void
add_menu(GList **menu, PurpleCallback callback)
{
	GList *children = NULL;
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(entries); i++)
		children = g_list_append(children, purple_menu_action_new(
			entries[i].label, callback, GUINT_TO_POINTER(i),
			NULL));
	*menu = g_list_append(*menu, purple_menu_action_new("OTR", NULL, NULL,
							    children));
}

/* There is something to do on a connection that is protected. */
static gboolean
has_menu(PurpleAccount *account)
{
	return purple_account_is_connected(account) &&
	       !watched_get(account)->open;
}

void
conversation_extended_menu_cb(PurpleConversation *conv, GList **menu,
			      void *data)
{
	(void)data;
	if (purple_conversation_get_type(conv) == PURPLE_CONV_TYPE_IM &&
	    has_menu(purple_conversation_get_account(conv)))
		add_menu(menu, PURPLE_CALLBACK(conversation_chosen_cb));
}

/* A contact stands for its first buddy. */
void
blist_node_extended_menu_cb(PurpleBlistNode *node, GList **menu, void *data)
{
	(void)data;
	if (PURPLE_BLIST_NODE_IS_BUDDY(node) &&
	    has_menu(purple_buddy_get_account((PurpleBuddy *)node)))
		add_menu(menu, PURPLE_CALLBACK(buddy_chosen_cb));
}

/* ---- the end of a session ---- */

void
otr_end(PurpleAccount *account)
{
	struct watched *w = watched_get(account);
	GKeyFile *answer;

	if (!w->online || w->ended)
		return;
	w->ended = TRUE;
	answer = call_helper(request_new(account, "end-all"));
	if (answer)
		g_key_file_free(answer);
	lines_drain();
}

void
otr_hand_over(void)
{
	GList *l;

	for (l = purple_connections_get_all(); l; l = l->next) {
		PurpleAccount *account = purple_connection_get_account(l->data);
		GKeyFile *request, *answer;

		if (!watched_get(account)->online)
			continue;
		request = request_new(account, "hand-over");
		otr_flags(request, message_flags(account, NULL));
		answer = call_helper(request);
		if (answer)
			g_key_file_free(answer);
	}
	lines_drain();
}

void
signing_off_cb(PurpleConnection *gc, void *data)
{
	(void)data;
	times_leaving(purple_connection_get_account(gc));
	otr_end(purple_connection_get_account(gc));
}
