/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of a connection: signing on, online, off; and being refused. */
#include "shim.h"

#include <string.h>

#include <debug.h>

/*
 * A fatal error makes Pidgin disable the account, a NETWORK_ERROR makes it try
 * again: so the latter only where waiting can help. libpurple keeps the first
 * error of a connection alone, so that a reason told in time stands.
 */
void
signon_refuse(PurpleAccount *account, const char *reason, const char *text,
	      gboolean passing)
{
	PurpleConnection *gc = purple_account_get_connection(account);
	struct watched *w = watched_get(account);
	PurpleConnectionError error = PURPLE_CONNECTION_ERROR_OTHER_ERROR;
	char *said;

	if (!gc || w->told)
		return;
	w->told = TRUE;
	if (!*reason) {
		reason = "fact-missing";
		text = "purple-onion's helper gave no answer";
	}
	retry_refused(w, reason, passing);
	if (passing)
		error = PURPLE_CONNECTION_ERROR_NETWORK_ERROR;
	else if (purple_strequal(reason, "certificate-invalid"))
		error = PURPLE_CONNECTION_ERROR_CERT_OTHER_ERROR;
	said = g_strdup_printf("purple-onion: %s (%s)", text, reason);
	purple_debug_warning(SHIM_ID, "%s: %s\n",
			     purple_account_get_username(account), said);
	purple_connection_error_reason(gc, error, said);
	g_free(said);
}

void
signing_on_cb(PurpleConnection *gc, void *data)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	struct watched *w = watched_get(account);
	struct ponion_answer answer;
	gboolean pinned = FALSE;

	(void)data;
	watched_end_session(w);
	w->waits_for_tor = FALSE;
	if (!newcomer_settle(account))
		return;
	process_update();	/* one that registers counts from now on */
	if (!level_protected(account)) {
		w->may = TRUE;
		w->open = TRUE;
		return;
	}
	logs_apply(account);
	logs_sign_on(account);
	person_sign_on(account);
	/* An account that nobody can tell about is blocked as it is. */
	if (level_marked(account)) {
		pins_dead(account, w);
		pinned = pins_apply(account, w);
	}
	if (level_ask(account, PONION_OP_CONNECT, pinned, &answer) != PONION_ALLOW ||
	    !answer.gate_port) {
		signon_refuse(account, answer.reason, answer.text,
			      answer.passing == 1);
		return;
	}
	w->sign_on = answer.sign_on;
	w->name = g_strdup(purple_account_get_username(account));
	w->may = TRUE;
	pins_gate(account, w, &answer);
	if (answer.reason[0])
		purple_debug_warning(SHIM_ID, "%s: %s (%s)\n", w->name,
				     answer.text, answer.reason);
	memset(&answer, 0, sizeof(answer));
}

/*
 * An in-client registration may change the account's name (jabber.c,
 * jabber_register_cb): the record goes along with it.
 */
static void
follow_name(PurpleAccount *account, struct watched *w)
{
	GKeyFile *request, *answer;

	if (!w->registering || !w->name || purple_strequal(w->name,
					purple_account_get_username(account)))
		return;
	request = call_new("rename");
	g_key_file_set_string(request, "request", "from", w->name);
	pins_snapshot(account, request);
	answer = call_helper(request);
	if (!call_ok(answer))
		purple_debug_error(SHIM_ID, "cannot rename in the record\n");
	if (answer)
		g_key_file_free(answer);
	g_free(w->name);
	w->name = g_strdup(purple_account_get_username(account));
}

void
signed_on_cb(PurpleConnection *gc, void *data)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	struct watched *w = watched_get(account);

	(void)data;
	if (!w->sign_on)
		return;
	w->online = TRUE;
	pins_dead(account, w);
	if (helper_api())
		helper_api()->signon_state(w->sign_on, PONION_SIGNON_ONLINE);
	purple_debug_info(SHIM_ID, "%s: online\n",
			  purple_account_get_username(account));
}

void
signed_off_cb(PurpleConnection *gc, void *data)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	struct watched *w = watched_get(account);

	(void)data;
	logs_signed_off(account);
	if (w->sign_on) {
		follow_name(account, w);
		pins_dead(account, w);
		if (helper_api())
			helper_api()->signon_state(w->sign_on,
						   PONION_SIGNON_ENDED);
		purple_debug_info(SHIM_ID, "%s: offline\n",
				  purple_account_get_username(account));
	}
	watched_end_session(w);
	process_update();
}
