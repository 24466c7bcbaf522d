/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Accounts that are met for the first time. Pidgin connects a new account at
 * once when it is saved: it gets its level at its first `signing-on`, before
 * anything of it is sent, or waits there for the person's word. Which are new
 * the helper knows; those without an answer are kept offline.
 */
#include "shim.h"

#include <core.h>
#include <request.h>

static void
ask_nothing(GKeyFile *request)
{
	GKeyFile *answer = call_helper(request);

	if (answer)
		g_key_file_free(answer);
}

/* What there is at the plugin's first start is not new. */
void
newcomer_init(void)
{
	GKeyFile *request = call_new("settle");
	GList *l;
	int i = 0;

	for (l = purple_accounts_get_all(); l; l = l->next) {
		PurpleAccount *account = l->data;
		char *group = g_strdup_printf("%d", i++);

		g_key_file_set_string(request, group, "protocol",
				      purple_account_get_protocol_id(account));
		g_key_file_set_string(request, group, "name",
				      purple_account_get_username(account));
		g_free(group);
	}
	ask_nothing(request);
}

/* It is new if it ever comes (again). */
static void
part(PurpleAccount *account)
{
	GKeyFile *request = call_new("part");

	pins_snapshot(account, request);
	ask_nothing(request);
}

void
newcomer_added_cb(PurpleAccount *account, void *data)
{
	(void)data;
	watched_get(account)->added = TRUE;
	part(account);
}

void
newcomer_removed_cb(PurpleAccount *account, void *data)
{
	(void)data;
	part(account);
}

/* As far as it had come when it was held. */
static void
go_on(PurpleAccount *account)
{
	if (watched_get(account)->registers) {
		times_asked(account);
		purple_account_register(account);
		return;
	}
	purple_account_set_enabled(account, purple_core_get_ui(), TRUE);
	if (!purple_account_get_connection(account) &&
	    purple_status_is_online(purple_account_get_active_status(account)))
		purple_account_connect(account);
}

/* TRUE, with the reason in answer, where its level is still to be chosen. */
static gboolean
is_new(PurpleAccount *account, struct ponion_answer *answer)
{
	return level_ask(account, PONION_OP_LOOK, FALSE, answer) !=
		       PONION_ALLOW &&
	       purple_strequal(answer->reason, "new-account");
}

/* A level that was chosen elsewhere, while the question stood, stays. */
static void
choose(gpointer data, int level)
{
	PurpleAccount *account = watched_find(GPOINTER_TO_UINT(data));
	struct ponion_answer answer;

	if (account && is_new(account, &answer) &&
	    protect_carry_out(account, level))
		go_on(account);
}

static void
left_cb(gpointer data, int action)
{
	(void)action;
	choose(data, 0);
}

static void
protected_cb(gpointer data, int action)
{
	(void)action;
	choose(data, 1);
}

/* One question for an account: an older one is closed. */
static void
ask_person(PurpleAccount *account, struct watched *w, const char *text)
{
	purple_request_close_with_handle(w);
	purple_request_action(w, "purple-onion", "Protect the new account?",
			      text, 1, account, NULL, NULL,
			      GUINT_TO_POINTER((guint)w->handle), 2,
			      "Leave it unprotected", left_cb,
			      "Protect it", protected_cb);
}

gboolean
newcomer_settle(PurpleAccount *account)
{
	struct ponion_answer answer;
	GKeyFile *request, *wish;
	gboolean settled = FALSE;
	char *text;

	if (!is_new(account, &answer))
		return TRUE;
	request = call_new("arrive");
	pins_snapshot(account, request);
	wish = call_helper(request);
	text = call_text(wish);
	if (!call_ok(wish)) {
		signon_refuse(account, answer.reason, text, FALSE);
	} else if (g_key_file_get_boolean(wish, "answer", "ask", NULL)) {
		signon_refuse(account, answer.reason, answer.text, FALSE);
		ask_person(account, watched_get(account), text);
	} else {
		pins_carry_out(account, wish);
		settled = TRUE;
	}
	g_free(text);
	if (wish)
		g_key_file_free(wish);
	return settled;
}
