/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Links. Whose link it is the user interface does not say, so while a
 * protected account is enabled none is opened in the program's browser: it
 * goes to Tor Browser where the helper says so, and else is shown to copy.
 */
#include "shim.h"

#include <debug.h>
#include <notify.h>
#include <request.h>

static PurpleNotifyUiOps *ops;
static void *(*before)(const char *uri);

static void
closed_cb(gpointer data, const char *text)
{
	(void)data;
	(void)text;
}

static void
show(const char *uri, const char *why)
{
	purple_request_input(shim_plugin, "purple-onion",
			     "This link was not opened", why, uri, FALSE,
			     FALSE, NULL, "Close", G_CALLBACK(closed_cb),
			     "Cancel", G_CALLBACK(closed_cb), NULL, NULL,
			     NULL, NULL);
}

/* [program] 0, 1, ...: the words of a command, without a shell. */
static char **
program_of(GKeyFile *answer)
{
	GPtrArray *words = g_ptr_array_new();
	char *word, name[12];
	int i;

	for (i = 0; i < 16; i++) {
		g_snprintf(name, sizeof(name), "%d", i);
		word = g_key_file_get_string(answer, "program", name, NULL);
		if (!word)
			break;
		g_ptr_array_add(words, word);
	}
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static gboolean
started(char **program, char **why)
{
	GError *error = NULL;

	if (!program[0])
		return FALSE;
	if (g_spawn_async(NULL, program, NULL,
			  G_SPAWN_STDOUT_TO_DEV_NULL |
			  G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
			  &error))
		return TRUE;
	g_free(*why);
	*why = g_strdup_printf("Tor Browser cannot be started: %s",
			       error->message);
	g_error_free(error);
	return FALSE;
}

static void
open_by_tor(const char *uri)
{
	GKeyFile *request = call_new("link"), *answer;
	char *why, **program;

	g_key_file_set_string(request, "request", "uri", uri);
	answer = call_helper(request);
	why = call_text(answer);
	if (call_ok(answer)) {
		program = program_of(answer);
		if (!started(program, &why))
			show(uri, why);
		g_strfreev(program);
	} else {
		show(uri, why);
	}
	g_free(why);
	if (answer)
		g_key_file_free(answer);
}

static void *
notify_uri(const char *uri)
{
	if (!level_any_protected())
		return before(uri);
	open_by_tor(uri);
	return NULL;
}

void
links_init(void)
{
	ops = purple_notify_get_ui_ops();
	before = ops ? ops->notify_uri : NULL;
	if (before)
		ops->notify_uri = notify_uri;
}

gboolean
links_ours(void)
{
	return !before || (ops == purple_notify_get_ui_ops() &&
			   ops->notify_uri == notify_uri);
}

void
links_uninit(void)
{
	if (before)
		ops->notify_uri = before;
	before = NULL;
}
