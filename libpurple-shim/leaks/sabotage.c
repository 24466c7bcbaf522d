/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control arm of scripts/leaks, linked as nohooks.c is: where the gate
 * does not answer, the account goes on without it. Nothing that is installed
 * has it.
 */
#include "shim.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

void __real_pins_gate(PurpleAccount *account, struct watched *w,
		      const struct ponion_answer *answer);
void __wrap_pins_gate(PurpleAccount *account, struct watched *w,
		      const struct ponion_answer *answer);

static gboolean
answers(guint port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	gboolean connected;

	if (fd < 0)
		return FALSE;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connected = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
	close(fd);
	return connected;
}

void
__wrap_pins_gate(PurpleAccount *account, struct watched *w,
		 const struct ponion_answer *answer)
{
	if (answers(answer->gate_port))
		__real_pins_gate(account, w, answer);
	else
		purple_proxy_info_set_type(
			purple_account_get_proxy_info(account),
			PURPLE_PROXY_NONE);
}
