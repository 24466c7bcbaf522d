/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Protect accounts: a level for each, then what will change, then the change.
 * What it is comes from the helper, as it does for the command line.
 */
#include "shim.h"

#include <string.h>

#include <core.h>

#include "form.h"

#define SECONDARY \
	"none: the account's own settings are used.\n" \
	"tor: it reaches nothing but Tor, on a circuit of its own.\n" \
	"secret: as tor, and no message leaves without end-to-end " \
	"encryption (OTR).\n\n" \
	"At level tor typing notices, status texts, avatars and logs are as " \
	"libpurple has them. Choosing none gives back every setting of " \
	"before and switches the account off."

static const char *const levels[] = { "none", "tor", "secret" };

/* One account's wish. Accounts are looked up again by name when it is
 * carried out: they may be gone by then. */
struct wish {
	char *protocol;
	char *name;
	int level;		/* index in levels */
};

static void
wish_free(gpointer data)
{
	struct wish *wish = data;

	g_free(wish->protocol);
	g_free(wish->name);
	g_free(wish);
}

static char *
id_of(PurpleAccount *account)
{
	return g_strdup_printf("%s:%s", account->protocol_id,
			       account->username);
}

static int
level_now(PurpleAccount *account)
{
	struct ponion_answer answer;

	if (level_ask(account, PONION_OP_LOOK, FALSE, &answer) !=
	    PONION_ALLOW)
		return -1;
	return (int)answer.level - PONION_LEVEL_NONE;
}

static GKeyFile *
ask(PurpleAccount *account, const char *op, int level)
{
	GKeyFile *request = call_new(op);

	g_key_file_set_string(request, "request", "level", levels[level]);
	pins_snapshot(account, request);
	return call_helper(request);
}

static void
tell(const char *primary, GKeyFile *answer)
{
	char *text = call_text(answer);

	purple_notify_error(shim_plugin, "purple-onion", primary, text);
	g_free(text);
}

/*
 * A connection of before went another way: it ends. An account that is now
 * protected comes back by itself, a released one when the person enables it.
 */
gboolean
protect_carry_out(PurpleAccount *account, int level)
{
	GKeyFile *answer;
	gboolean ok;
	gboolean was_up = purple_account_get_connection(account) != NULL;

	if (level < 0 || level >= (int)G_N_ELEMENTS(levels))
		return FALSE;
	if (was_up)
		purple_account_disconnect(account);
	answer = ask(account, "protect", level);
	ok = call_ok(answer);
	if (!ok) {
		tell("Cannot change the protection", answer);
	} else {
		pins_carry_out(account, answer);
		logs_apply(account);
		if (level > 0)
			pins_dead(account, watched_get(account));
		times_asked(account);
		if (level > 0 && was_up)
			purple_account_connect(account);
		/* Or a retry that waits would connect it another way. */
		if (level == 0)
			purple_account_set_enabled(account,
						   purple_core_get_ui(),
						   FALSE);
	}
	if (answer)
		g_key_file_free(answer);
	process_update();
	probes_update();
	return ok;
}

static void
apply_cb(gpointer data, int action)
{
	GSList *l, *wishes = data;

	(void)action;
	for (l = wishes; l; l = l->next) {
		struct wish *wish = l->data;
		PurpleAccount *account = purple_accounts_find(wish->name,
							      wish->protocol);

		if (account)
			protect_carry_out(account, wish->level);
	}
	g_slist_free_full(wishes, wish_free);
}

static void
cancel_cb(gpointer data, int action)
{
	(void)action;
	g_slist_free_full(data, wish_free);
}

/* The accounts whose level the person changed, with what that means. */
static GSList *
wishes_of(PurpleRequestFields *fields, GString *plan)
{
	GSList *wishes = NULL;
	GList *l;

	for (l = purple_accounts_get_all(); l; l = l->next) {
		PurpleAccount *account = l->data;
		char *id = id_of(account);
		PurpleRequestField *field =
			purple_request_fields_get_field(fields, id);
		struct wish *wish;
		GKeyFile *answer;
		char *text;
		int level;

		g_free(id);
		if (!field)
			continue;
		level = purple_request_field_choice_get_value(field) -
			form_first_label();
		if (level < 0 || level >= (int)G_N_ELEMENTS(levels) ||
		    level == level_now(account))
			continue;
		answer = ask(account, "plan", level);
		text = call_text(answer);
		g_string_append_printf(plan, "%s: %s\n%s\n",
				       purple_account_get_username(account),
				       levels[level], text);
		g_free(text);
		if (call_ok(answer)) {
			wish = g_new0(struct wish, 1);
			wish->protocol = g_strdup(account->protocol_id);
			wish->name = g_strdup(account->username);
			wish->level = level;
			wishes = g_slist_append(wishes, wish);
		}
		if (answer)
			g_key_file_free(answer);
	}
	return wishes;
}

static void
chosen_cb(gpointer data, PurpleRequestFields *fields)
{
	GString *plan = g_string_new(NULL);
	GSList *wishes = wishes_of(fields, plan);

	(void)data;
	if (!wishes)
		purple_notify_info(shim_plugin, "purple-onion",
				   "Nothing to change", plan->str);
	else
		purple_request_action(shim_plugin, "purple-onion",
				      "This will change", plan->str, 1, NULL,
				      NULL, NULL, wishes, 2, "Cancel",
				      cancel_cb, "Apply", apply_cb);
	g_string_free(plan, TRUE);
}

void
protect_show(PurplePluginAction *action)
{
	PurpleRequestFields *fields = purple_request_fields_new();
	PurpleRequestFieldGroup *group = purple_request_field_group_new(NULL);
	GList *l;
	gsize i;

	(void)action;
	purple_request_fields_add_group(fields, group);
	for (l = purple_accounts_get_all(); l; l = l->next) {
		PurpleAccount *account = l->data;
		char *id = id_of(account);
		int now = level_now(account);
		PurpleRequestField *field = purple_request_field_choice_new(
			id, purple_account_get_username(account),
			(now < 0 ? 1 : now) + form_first_label());

		for (i = 0; i < G_N_ELEMENTS(levels); i++)
			purple_request_field_choice_add(field, levels[i]);
		purple_request_field_group_add_field(group, field);
		g_free(id);
	}
	purple_request_fields(shim_plugin, "Protect accounts",
			      "Which protection should each account have?",
			      SECONDARY, fields, "OK",
			      G_CALLBACK(chosen_cb), "Cancel", NULL, NULL,
			      NULL, NULL, NULL);
}
