/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Tools menu: pages that the helper writes. */
#include "shim.h"

#include <string.h>

#include <notify.h>
#include <request.h>

/* Number of the call whose answer a page waits for, and the page's title. */
static guint64 awaited;
static const char *awaited_title;

static void
show_page(const char *title, GKeyFile *answer)
{
	char *text = call_text(answer);

	purple_notify_formatted(shim_plugin, title, title, NULL, text, NULL,
				NULL);
	g_free(text);
}

/* What asks Tor, or reads files, is made elsewhere and comes as an event. */
static void
ask_page(const char *op, const char *title)
{
	GKeyFile *answer = call_helper(call_new(op));

	awaited_title = title;
	awaited = answer ? g_key_file_get_uint64(answer, "answer", "pending",
						 NULL) : 0;
	if (!awaited)
		show_page(title, answer);
	if (answer)
		g_key_file_free(answer);
}

static void
status_cb(PurplePluginAction *action)
{
	(void)action;
	ask_page("status", "Tor status");
}

static void
audit_cb(PurplePluginAction *action)
{
	(void)action;
	ask_page("audit", "Audit");
}

void
actions_result(guint64 number)
{
	GKeyFile *request, *answer;

	if (!number || number != awaited)
		return;
	awaited = 0;
	request = call_new("result");
	g_key_file_set_uint64(request, "request", "number", number);
	answer = call_helper(request);
	show_page(awaited_title, answer);
	if (answer)
		g_key_file_free(answer);
}

void
actions_uninit(void)
{
	awaited = 0;
	keys_uninit();
	purple_notify_close_with_handle(shim_plugin);
	purple_request_close_with_handle(shim_plugin);
}

GList *
actions_list(PurplePlugin *plugin, gpointer context)
{
	GList *l = NULL;

	(void)plugin;
	(void)context;
	l = g_list_append(l, purple_plugin_action_new("Protect accounts...",
						      protect_show));
	l = g_list_append(l, purple_plugin_action_new(
				     "Keys and fingerprints...", keys_show));
	l = g_list_append(l, purple_plugin_action_new("Tor status",
						      status_cb));
	l = g_list_append(l, purple_plugin_action_new("Audit...", audit_cb));
	return l;
}
