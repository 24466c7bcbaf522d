/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stays on this computer. Where messages must stay secret, or nobody can tell whether they must,
 * conversations are not logged, from the first line on: libpurple reads its
 * preference when it makes one, Pidgin the buddy's setting, and other plugins
 * turn logging on again (pidgin-otr does at the end of a session). The log of
 * an account's own comings and goings is given a logger that writes nothing.
 * Buddies' pictures are not kept in files while such an account is enabled:
 * libpurple knows only one switch for all accounts. A status text, which is
 * not sent for a secret account, would be kept in accounts.xml, and in blist.xml
 * when its buddies were seen last.
 */
#include "shim.h"

#include <blist.h>
#include <buddyicon.h>
#include <log.h>
#include <status.h>

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
	otr_opened(conv);
}

void
conversation_updated_cb(PurpleConversation *conv, PurpleConvUpdateType type,
			void *data)
{
	(void)data;
	if (type == PURPLE_CONV_UPDATE_LOGGING)
		quiet(conv);
}

static gsize
write_nothing(PurpleLog *log, PurpleMessageFlags type, const char *from,
	      time_t time, const char *message)
{
	(void)log;
	(void)type;
	(void)from;
	(void)time;
	(void)message;
	return 0;
}

static PurpleLogLogger nothing = {
	.name = (char *)"purple-onion",
	.id = (char *)"purple-onion-nothing",
	.write = write_nothing,
};

/* libpurple opens the file of an account's log when it first writes. */
static void
quiet_account(PurpleAccount *account)
{
	PurpleLog *log = purple_account_get_log(account, FALSE);

	if (log && log->logger != &nothing)
		purple_account_destroy_log(account);
	log = purple_account_get_log(account, TRUE);
	if (log)
		log->logger = &nothing;
}

/* Only where it is known: otherwise what is kept may be wanted. */
static gboolean
is_secret(PurpleAccount *account)
{
	struct ponion_answer answer;

	return level_ask(account, PONION_OP_LOOK, FALSE, &answer) ==
		       PONION_ALLOW &&
	       answer.level == PONION_LEVEL_SECRET;
}

/* Also of statuses that are not in force: libpurple saves them all. */
static void
forget_texts(PurpleAccount *account)
{
	PurplePresence *presence = purple_account_get_presence(account);
	GList *l;

	for (l = purple_presence_get_statuses(presence); l; l = l->next)
		if (purple_status_type_get_attr(purple_status_get_type(l->data),
						"message"))
			purple_status_set_attr_string(l->data, "message",
						      NULL);
}

void
account_status_changed_cb(PurpleAccount *account, PurpleStatus *old,
			  PurpleStatus *now, void *data)
{
	(void)old;
	(void)now;
	(void)data;
	if (is_secret(account))
		forget_texts(account);
}

/* When a buddy was seen last tells when the account was on line. */
static void
forget_seen_of(PurpleBlistNode *buddy)
{
	if (purple_blist_node_get_int(buddy, "last_seen"))
		purple_blist_node_remove_setting(buddy, "last_seen");
}

static void
forget_seen(PurpleAccount *account)
{
	GSList *l, *buddies = purple_find_buddies(account, NULL);

	for (l = buddies; l; l = l->next)
		forget_seen_of(l->data);
	g_slist_free(buddies);
}

void
buddy_signed_off_cb(PurpleBuddy *buddy, void *data)
{
	(void)data;
	if (is_secret(purple_buddy_get_account(buddy)))
		forget_seen_of((PurpleBlistNode *)buddy);
}

void
logs_sign_on(PurpleAccount *account)
{
	if (must_not_log(account))
		quiet_account(account);
}

void
logs_signed_off(PurpleAccount *account)
{
	PurpleLog *log = purple_account_get_log(account, FALSE);

	if (log && log->logger == &nothing)
		purple_account_destroy_log(account);
	if (is_secret(account))
		forget_seen(account);
}

static gboolean cached_before;	/* ... and is off by us */

void
logs_update(gboolean any_secret)
{
	if (any_secret && purple_buddy_icons_is_caching()) {
		cached_before = TRUE;
		purple_buddy_icons_set_caching(FALSE);
	} else if (!any_secret && cached_before) {
		cached_before = FALSE;
		purple_buddy_icons_set_caching(TRUE);
	}
}

void
logs_apply(PurpleAccount *account)
{
	GList *l;

	if (is_secret(account)) {
		forget_texts(account);
		forget_seen(account);
	}
	for (l = purple_get_conversations(); l; l = l->next)
		if (purple_conversation_get_account(l->data) == account)
			quiet(l->data);
}
