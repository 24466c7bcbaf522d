/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logs. Where messages must stay secret, or nobody can tell whether they must,
 * conversations are not logged, from the first line on: libpurple reads its
 * preference when it makes one, Pidgin the buddy's setting, and other plugins
 * turn logging on again (pidgin-otr does at the end of a session).
 */
#include "shim.h"

static gboolean
must_not_log(PurpleAccount *account)
{
	struct ponion_answer answer;

	if (watched_get(account)->open)
		return FALSE;
	return level_ask(account, PONION_OP_LOOK, FALSE, &answer) !=
		       PONION_ALLOW ||
	       answer.level == PONION_LEVEL_SECRET;
}

static void
quiet(PurpleConversation *conv)
{
	if (purple_conversation_is_logging(conv) &&
	    must_not_log(purple_conversation_get_account(conv)))
		purple_conversation_set_logging(conv, FALSE);
}

void
conversation_created_cb(PurpleConversation *conv, void *data)
{
	(void)data;
	quiet(conv);
}

void
conversation_updated_cb(PurpleConversation *conv, PurpleConvUpdateType type,
			void *data)
{
	(void)data;
	if (type == PURPLE_CONV_UPDATE_LOGGING)
		quiet(conv);
}

void
logs_apply(PurpleAccount *account)
{
	GList *l;

	for (l = purple_get_conversations(); l; l = l->next)
		if (purple_conversation_get_account(l->data) == account)
			quiet(l->data);
}
