/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a program on the session bus wants done here. The helper decides what
 * of it may be, and gives each a number; this carries it out on the main loop.
 */
#include "shim.h"

#include <debug.h>
#include <request.h>

static void
done(guint32 number, gboolean ok)
{
	GKeyFile *request = call_new("requested"), *answer;

	g_key_file_set_uint64(request, "request", "number", number);
	g_key_file_set_boolean(request, "request", "done", ok);
	answer = call_helper(request);
	if (answer)
		g_key_file_free(answer);
}

static gboolean
sign_on_anew(PurpleAccount *account)
{
	if (!purple_account_get_connection(account))
		return FALSE;
	purple_account_disconnect(account);
	purple_account_connect(account);
	return TRUE;
}

/* Not by a button's number: Pidgin counts them from the last (gtkrequest.c). */
static void
agreed_cb(gpointer data, int action)
{
	(void)action;
	bus_request(GPOINTER_TO_UINT(data), TRUE);
}

static void
refused_cb(gpointer data, int action)
{
	(void)action;
	done(GPOINTER_TO_UINT(data), FALSE);
}

static void
carry_out(guint32 number, PurpleAccount *account, GKeyFile *wish)
{
	char *verb = g_key_file_get_string(wish, "answer", "verb", NULL);
	char *text = call_text(wish);

	if (purple_strequal(verb, "ask"))
		purple_request_action(shim_plugin, "purple-onion",
			"Make protection weaker?", text, 0, account, NULL,
			NULL, GUINT_TO_POINTER(number), 2,
			"Keep it", refused_cb, "Make it weaker", agreed_cb);
	else if (purple_strequal(verb, "level"))
		done(number, protect_carry_out(account,
			g_key_file_get_integer(wish, "answer", "level",
					       NULL)));
	else
		done(number, purple_strequal(verb, "circuit") &&
				     sign_on_anew(account));
	g_free(text);
	g_free(verb);
}

/* agreed: the person said yes to what the helper had asked. */
void
bus_request(guint32 number, gboolean agreed)
{
	GKeyFile *request = call_new("request"), *wish;
	PurpleAccount *account = NULL;
	char *name, *protocol;

	g_key_file_set_uint64(request, "request", "number", number);
	g_key_file_set_boolean(request, "request", "agreed", agreed);
	wish = call_helper(request);
	if (call_ok(wish)) {
		name = g_key_file_get_string(wish, "answer", "name", NULL);
		protocol = g_key_file_get_string(wish, "answer", "protocol",
						 NULL);
		if (name && protocol)
			account = purple_accounts_find(name, protocol);
		if (account)
			carry_out(number, account, wish);
		else
			done(number, FALSE);
		g_free(name);
		g_free(protocol);
	}
	if (wish)
		g_key_file_free(wish);
}
