/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wrap.h - the protocols' own functions, and the guards before them. */
#ifndef PURPLE_ONION_WRAP_H
#define PURPLE_ONION_WRAP_H

#include "shim.h"

#include <ft.h>
#include <media.h>
#include <prpl.h>

/* As they were before us; NULL where the protocol has none. */
struct wrapped {
	void (*login)(PurpleAccount *account);
	void (*close)(PurpleConnection *gc);
	void (*register_user)(PurpleAccount *account);
	void (*unregister_user)(PurpleAccount *account,
				PurpleAccountUnregistrationCb cb, void *data);
	int (*send_im)(PurpleConnection *gc, const char *who, const char *text,
		       PurpleMessageFlags flags);
	int (*chat_send)(PurpleConnection *gc, int id, const char *text,
			 PurpleMessageFlags flags);
	int (*send_raw)(PurpleConnection *gc, const char *text, int len);

	void (*send_file)(PurpleConnection *gc, const char *who,
			  const char *file);
	PurpleXfer *(*new_xfer)(PurpleConnection *gc, const char *who);
	void (*chat_send_file)(PurpleConnection *gc, int id, const char *file);
	gboolean (*can_receive_file)(PurpleConnection *gc, const char *who);
	gboolean (*initiate_media)(PurpleAccount *account, const char *who,
				   PurpleMediaSessionType type);
	PurpleMediaCaps (*get_media_caps)(PurpleAccount *account,
					  const char *who);

	void (*set_idle)(PurpleConnection *gc, int seconds);
	void (*set_status)(PurpleAccount *account, PurpleStatus *status);
	void (*set_buddy_icon)(PurpleConnection *gc, PurpleStoredImage *image);
	void (*set_info)(PurpleConnection *gc, const char *info);
};

/* Of the connection's protocol; NULL: it is none that we wrapped. */
const struct wrapped *wrap_original(PurpleConnection *gc);

/* peers.c: files and calls */
void peers_send_file(PurpleConnection *gc, const char *who, const char *file);
PurpleXfer *peers_new_xfer(PurpleConnection *gc, const char *who);
void peers_chat_send_file(PurpleConnection *gc, int id, const char *file);
gboolean peers_can_receive_file(PurpleConnection *gc, const char *who);
gboolean peers_initiate_media(PurpleAccount *account, const char *who,
			      PurpleMediaSessionType type);
PurpleMediaCaps peers_get_media_caps(PurpleAccount *account, const char *who);

/* person.c: what tells of the person */
void person_set_idle(PurpleConnection *gc, int seconds);
void person_set_status(PurpleAccount *account, PurpleStatus *status);
void person_set_buddy_icon(PurpleConnection *gc, PurpleStoredImage *image);
void person_set_info(PurpleConnection *gc, const char *info);

#endif
