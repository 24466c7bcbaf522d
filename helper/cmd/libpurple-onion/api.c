/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of ponion.h over Go's exports. */
#include <stddef.h>

#include "ponion.h"
#include "_cgo_export.h"

/* cgo's prototypes have no const; the functions behind them keep it. */
/* `purple-onion doctor` reads this from the file, without loading it. */
#ifndef PONION_VERSION
#define PONION_VERSION dev
#endif
#define STR_(x) #x
#define STR(x) STR_(x)
__attribute__((used)) static const char marker[] =
	"purple-onion-abi=2 version=" STR(PONION_VERSION);
_Static_assert(PONION_ABI == 2u, "the marker names the ABI");

static const struct ponion_api api = {
	.size = sizeof(struct ponion_api),
	.abi = PONION_ABI,
	.start = (int (*)(const char *, int))ponionStart,
	.stop = ponionStop,
	.decide_connect = (int (*)(const struct ponion_account *,
				   struct ponion_answer *))ponionDecideConnect,
	.decide_level = (int (*)(const struct ponion_account *,
				 struct ponion_answer *))ponionDecideLevel,
	.decide_certificate = (int (*)(const struct ponion_chain *,
				       struct ponion_answer *))
		ponionDecideCertificate,
	.decide_send = (int (*)(const struct ponion_message *,
				struct ponion_reply *))ponionDecideSend,
	.decide_receive = (int (*)(const struct ponion_message *,
				   struct ponion_reply *))ponionDecideReceive,
	.decide_wire = (int (*)(const struct ponion_message *,
				struct ponion_reply *))ponionDecideWire,
	.next_line = ponionNextLine,
	.signon_state = ponionSignonState,
	.next_event = ponionNextEvent,
	.call = (char *(*)(const char *))ponionCall,
	.free_text = ponionFreeText,
};

const struct ponion_api *
ponion_get_api(uint32_t abi)
{
	return abi == PONION_ABI ? &api : NULL;
}
