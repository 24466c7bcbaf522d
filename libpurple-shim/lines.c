/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the helper wants sent, said or shown, in its order. */
#include "shim.h"

#include <string.h>

#include <debug.h>
#include <eventloop.h>
#include <server.h>

/* More than twenty held texts in fragments; the rest waits for a turn. */
#define LINES_A_TURN 1000

static guint later;
static int showing;

gboolean
lines_showing(void)
{
	return showing > 0;
}

/* By the protocol's send_im as it is now, and so through our own guard. */
static void
send_line(PurpleConnection *gc, const struct ponion_line *line)
{
	PurpleAccount *account = purple_connection_get_account(gc);

	if (watched_get(account)->ended &&
	    purple_strequal(account->protocol_id, "prpl-irc"))
		irc_farewell(gc, line->buddy, line->text);
	else
		serv_send_im(gc, line->buddy, line->text, 0);
}

/*
 * As if it had just come, so that other plugins see it as they see others;
 * our own handler lets it pass.
 */
static void
show_line(PurpleConnection *gc, const struct ponion_line *line)
{
	showing++;
	serv_got_im(gc, line->buddy, line->text,
		    PURPLE_MESSAGE_RECV | PURPLE_MESSAGE_NO_LOG, time(NULL));
	showing--;
}

static void
carry_out(const struct ponion_line *line)
{
	PurpleAccount *account = watched_find(line->handle);
	PurpleConnection *gc = account ?
		purple_account_get_connection(account) : NULL;

	if (!gc || !line->buddy || !line->text || !line->sign_on ||
	    watched_get(account)->sign_on != line->sign_on)
		return;		/* of a session that is over */
	switch (line->kind) {
	case PONION_LINE_SEND:
		send_line(gc, line);
		break;
	case PONION_LINE_SAY:
		message_say(account, line->buddy, line->text,
			    PURPLE_MESSAGE_SYSTEM);
		break;
	case PONION_LINE_SHOW:
		show_line(gc, line);
		break;
	case PONION_LINE_STANZA:
		if (purple_strequal(account->protocol_id, "prpl-jabber"))
			wire_send_stanza(gc, line->text);
		break;
	default:
		purple_debug_warning(SHIM_ID, "a line of kind %u\n",
				     line->kind);
	}
}

static gboolean
next(void)
{
	const struct ponion_api *api = helper_api();
	struct ponion_line line = { .size = sizeof(line) };
	gboolean got = api && api->next_line(&line) == 1;

	if (got)
		carry_out(&line);
	/* Carrying it out may have ended the helper, not its memory. */
	if (api && line.buddy)
		api->free_text(line.buddy);
	if (api && line.text)
		api->free_text(line.text);
	return got;
}

static gboolean
later_cb(gpointer data)
{
	(void)data;
	later = 0;
	lines_drain();
	return FALSE;
}

/* A line may lead to another message, and so in here again: that is fine. */
void
lines_drain(void)
{
	int i;

	for (i = 0; i < LINES_A_TURN; i++)
		if (!next())
			return;
	if (!later)
		later = purple_timeout_add(0, later_cb, NULL);
}

void
lines_uninit(void)
{
	if (later)
		purple_timeout_remove(later);
	later = 0;
}
