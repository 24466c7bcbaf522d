/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of ponion.h over Go's exports. */
#include <stddef.h>

#include "ponion.h"
#include "_cgo_export.h"

/* cgo's prototypes have no const; the functions behind them keep it. */
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
