/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's commands for a long run. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

/* forget: what was said in any conversation, as a person clears it away. */
static void
forget(void)
{
	GList *l;

	for (l = purple_get_conversations(); l; l = l->next)
		purple_conversation_clear_message_history(l->data);
}

static GSList *lost;

/* leak BYTES: what a program loses that has a fault. */
static void
leak(gsize bytes)
{
	char *block = g_malloc(bytes);

	memset(block, 'x', bytes);
	lost = g_slist_prepend(lost, block);
}

gboolean
soak_run(char **w)
{
	if (purple_strequal(w[0], "forget"))
		forget();
	else if (purple_strequal(w[0], "leak"))
		leak((gsize)atoi(w[1]));
	else
		return FALSE;
	return TRUE;
}
