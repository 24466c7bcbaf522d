/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files and calls. They connect to the buddy, past every libpurple proxy or by
 * what the buddy names, or tell the account's addresses: a protected account
 * has none, in either direction. What this program can do is said once for
 * all accounts, so it is nothing while a protected one is enabled.
 */
#include "wrap.h"

#include <debug.h>
#include <mediamanager.h>

#define TOLD "purple-onion: files and calls connect to the buddy past Tor, " \
	"or tell your address; protected accounts have none (peer-to-peer)"

static gboolean silenced;	/* the program's abilities are none now */
static PurpleMediaCaps abilities;	/* ... and were these */

static gboolean
is_open(PurpleAccount *account)
{
	return watched_get(account)->open;
}

static void
refuse(PurpleAccount *account, const char *who)
{
	purple_debug_warning(SHIM_ID, "%s: a file or call is refused\n",
			     purple_account_get_username(account));
	message_say(account, who, TOLD, PURPLE_MESSAGE_ERROR);
}

void
peers_send_file(PurpleConnection *gc, const char *who, const char *file)
{
	const struct wrapped *own = wrap_original(gc);

	if (!is_open(purple_connection_get_account(gc)))
		refuse(purple_connection_get_account(gc), who);
	else if (own && own->send_file)
		own->send_file(gc, who, file);
}

PurpleXfer *
peers_new_xfer(PurpleConnection *gc, const char *who)
{
	const struct wrapped *own = wrap_original(gc);

	if (is_open(purple_connection_get_account(gc)))
		return own && own->new_xfer ? own->new_xfer(gc, who) : NULL;
	refuse(purple_connection_get_account(gc), who);
	return NULL;
}

void
peers_chat_send_file(PurpleConnection *gc, int id, const char *file)
{
	const struct wrapped *own = wrap_original(gc);

	if (!is_open(purple_connection_get_account(gc)))
		message_say_chat(gc, id, TOLD);
	else if (own && own->chat_send_file)
		own->chat_send_file(gc, id, file);
}

gboolean
peers_can_receive_file(PurpleConnection *gc, const char *who)
{
	const struct wrapped *own = wrap_original(gc);

	return is_open(purple_connection_get_account(gc)) && own &&
	       own->can_receive_file && own->can_receive_file(gc, who);
}

gboolean
peers_initiate_media(PurpleAccount *account, const char *who,
		     PurpleMediaSessionType type)
{
	PurpleConnection *gc = purple_account_get_connection(account);
	const struct wrapped *own = gc ? wrap_original(gc) : NULL;

	if (own && own->initiate_media && is_open(account))
		return own->initiate_media(account, who, type);
	refuse(account, who);
	return FALSE;
}

PurpleMediaCaps
peers_get_media_caps(PurpleAccount *account, const char *who)
{
	PurpleConnection *gc = purple_account_get_connection(account);
	const struct wrapped *own = gc ? wrap_original(gc) : NULL;

	if (!own || !own->get_media_caps || !is_open(account))
		return PURPLE_MEDIA_CAPS_NONE;
	return own->get_media_caps(account, who);
}

/* Whoever accepted it before us: libpurple looks at the state next (ft.c). */
void
file_recv_request_cb(PurpleXfer *xfer, void *data)
{
	PurpleAccount *account = purple_xfer_get_account(xfer);

	(void)data;
	if (is_open(account))
		return;
	refuse(account, purple_xfer_get_remote_user(xfer));
	xfer->status = PURPLE_XFER_STATUS_CANCEL_LOCAL;
}

void
peers_update(gboolean any_protected)
{
	PurpleMediaManager *manager = purple_media_manager_get();
	PurpleMediaCaps now = purple_media_manager_get_ui_caps(manager);

	if (any_protected) {
		if (now != PURPLE_MEDIA_CAPS_NONE)
			abilities = now;
		silenced = TRUE;
		purple_media_manager_set_ui_caps(manager,
						 PURPLE_MEDIA_CAPS_NONE);
	} else if (silenced) {
		silenced = FALSE;
		if (now == PURPLE_MEDIA_CAPS_NONE)
			purple_media_manager_set_ui_caps(manager, abilities);
	}
}
