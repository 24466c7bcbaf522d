/* SPDX-License-Identifier: GPL-3.0-or-later */
/* host.h - what the files of the test host know of each other. */
#ifndef HOST_H
#define HOST_H

#include <glib.h>
#include <purple.h>

struct host_command {
	const char *name;
	void (*run)(PurpleAccount *account, char **words);
};

/* One line on standard output, without line ends inside. */
void say(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* host_messages.c; both end with a NULL name. */
extern const struct host_command message_commands[];
/* FALSE: the first word is none of them. */
gboolean messages_run(char **words);
void messages_init(void);

/* host_hooks.c, in the same way */
extern const struct host_command hook_commands[];
gboolean hooks_run(char **words);
void hooks_init(void);

/* host_stall.c */
gboolean stall_run(char **words);

/* host_soak.c */
gboolean soak_run(char **words);

#endif
