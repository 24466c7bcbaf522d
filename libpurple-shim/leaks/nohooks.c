/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plugin without its hooks, for scripts/leaks: the gate has to hold by
 * itself. Linked with --wrap, each of these stands in the place of the shim's
 * function of that name. Nothing that is installed has it.
 */
#include "wrap.h"

#define INSTEAD(name) __wrap_##name

/* ---- names, links, the guards of what comes and goes: not begun ---- */

void INSTEAD(names_init)(void);
gboolean INSTEAD(names_ours)(void);
void INSTEAD(names_uninit)(void);
void INSTEAD(links_init)(void);
gboolean INSTEAD(links_ours)(void);
void INSTEAD(links_uninit)(void);
void INSTEAD(wire_init)(void);
void INSTEAD(wire_protocol)(PurplePlugin *plugin);
void INSTEAD(wire_uninit)(void);
void INSTEAD(peers_update)(gboolean any_protected);
void INSTEAD(file_recv_request_cb)(PurpleXfer *xfer, void *data);

void
INSTEAD(names_init)(void)
{
}

gboolean
INSTEAD(names_ours)(void)
{
	return TRUE;
}

void
INSTEAD(names_uninit)(void)
{
}

void
INSTEAD(links_init)(void)
{
}

gboolean
INSTEAD(links_ours)(void)
{
	return TRUE;
}

void
INSTEAD(links_uninit)(void)
{
}

/* The signals of stanzas and lines, those that arrive too. */
void
INSTEAD(wire_init)(void)
{
}

void
INSTEAD(wire_protocol)(PurplePlugin *plugin)
{
	(void)plugin;
}

void
INSTEAD(wire_uninit)(void)
{
}

void
INSTEAD(peers_update)(gboolean any_protected)
{
	(void)any_protected;
}

void
INSTEAD(file_recv_request_cb)(PurpleXfer *xfer, void *data)
{
	(void)xfer;
	(void)data;
}

/* ---- files, calls, the person: as the protocol has them ---- */

/* NOLINTBEGIN(bugprone-macro-parentheses): a declaration takes none */
#define PASS(type, name, slot, connection, parameters, arguments, failed) \
	type INSTEAD(name) parameters; \
	type INSTEAD(name) parameters \
	{ \
		const struct wrapped *own = wrap_original(connection); \
		if (own && own->slot) \
			return own->slot arguments; \
		return failed; \
	}
/* NOLINTEND(bugprone-macro-parentheses) */
#define OF(account) purple_account_get_connection(account)

PASS(void, peers_send_file, send_file, gc,
     (PurpleConnection *gc, const char *who, const char *file),
     (gc, who, file), )
PASS(PurpleXfer *, peers_new_xfer, new_xfer, gc,
     (PurpleConnection *gc, const char *who), (gc, who), NULL)
PASS(void, peers_chat_send_file, chat_send_file, gc,
     (PurpleConnection *gc, int id, const char *file), (gc, id, file), )
PASS(gboolean, peers_can_receive_file, can_receive_file, gc,
     (PurpleConnection *gc, const char *who), (gc, who), FALSE)
PASS(gboolean, peers_initiate_media, initiate_media, OF(account),
     (PurpleAccount *account, const char *who, PurpleMediaSessionType type),
     (account, who, type), FALSE)
PASS(PurpleMediaCaps, peers_get_media_caps, get_media_caps, OF(account),
     (PurpleAccount *account, const char *who), (account, who),
     PURPLE_MEDIA_CAPS_NONE)
PASS(void, person_set_idle, set_idle, gc,
     (PurpleConnection *gc, int seconds), (gc, seconds), )
PASS(void, person_set_status, set_status, OF(account),
     (PurpleAccount *account, PurpleStatus *status), (account, status), )
PASS(void, person_set_buddy_icon, set_buddy_icon, gc,
     (PurpleConnection *gc, PurpleStoredImage *image), (gc, image), )
PASS(void, person_set_info, set_info, gc,
     (PurpleConnection *gc, const char *info), (gc, info), )
