/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is held goes with the program: it is in memory alone. When the program
 * ends no window stays to say so in, so that it is said at the next start. How
 * many there were is all that is kept for it: no text, no name.
 */
#include "shim.h"

#include <core.h>
#include <debug.h>
#include <eventloop.h>
#include <notify.h>
#include <prefs.h>

#define FOLDER "/plugins/core/" SHIM_ID
#define DROPPED FOLDER "/dropped"

static guint later;

static void
quitting_cb(void *data)
{
	GKeyFile *answer = call_helper(call_new("held"));
	int held = answer ? g_key_file_get_integer(answer, "answer", "count",
						   NULL) : 0;

	(void)data;
	if (answer)
		g_key_file_free(answer);
	if (held <= 0)
		return;
	purple_debug_info(SHIM_ID, "%d held messages end with the program\n",
			  held);
	purple_prefs_add_none(FOLDER);
	purple_prefs_add_int(DROPPED, 0);
	purple_prefs_set_int(DROPPED, held);
}

/* The program's windows are there by now. */
static gboolean
say_dropped_cb(gpointer data)
{
	int n = GPOINTER_TO_INT(data);
	char *text = g_strdup_printf(
		"When the program ended last, %d %s held, and not sent. What "
		"is held is in memory alone: it is gone. Type it again, where "
		"it still matters.", n, n == 1 ? "message was" :
					       "messages were");

	later = 0;
	purple_notify_info(shim_plugin, "purple-onion",
			   "Held messages were dropped", text);
	g_free(text);
	return FALSE;
}

void
quit_init(void)
{
	purple_signal_connect_priority(purple_get_core(), "quitting",
				       shim_plugin,
				       PURPLE_CALLBACK(quitting_cb), NULL,
				       PURPLE_SIGNAL_PRIORITY_LOWEST);
	if (!purple_prefs_exists(DROPPED))
		return;
	later = purple_timeout_add(0, say_dropped_cb, GINT_TO_POINTER(
					   purple_prefs_get_int(DROPPED)));
	purple_prefs_remove(FOLDER);
}

void
quit_uninit(void)
{
	purple_signal_disconnect(purple_get_core(), "quitting", shim_plugin,
				 PURPLE_CALLBACK(quitting_cb));
	if (later)
		purple_timeout_remove(later);
	later = 0;
}
