/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fake helper's answers about messages. The variables are read at each
 * question, so that the host's `env` can change them in a session.
 *
 * FAKE_WIRE       BLOCK (the default), ALLOW or HOLD, for every message; or
 *                 rules WAY|NEEDLE|VERDICT[|INSTEAD];... of which the first
 *                 that fits holds, and else ALLOW. WAY is TYPED, IM, CHAT,
 *                 STANZA, TEXT, IRC, RECEIVED, ARRIVED (a stanza), LINE (of
 *                 IRC, that came) or *; VERDICT may also be SAYS (returns
 *                 allow, writes block) or WRITES (the other way round).
 *                 INSTEAD stands for NEEDLE in the reply's text.
 * FAKE_LINES      KIND|BUDDY|TEXT;... is queued by a message that holds
 *                 "lines", and by /otr refresh. KIND is SEND, SAY, SHOW, or
 *                 STALE: SEND of the sign-on before.
 * FAKE_LATE       the same, queued 100 ms after /otr status, with a wake.
 * FAKE_FAREWELL   the same, queued by end-all.
 * FAKE_QUIET      /otr answers "quiet" and not what it was asked.
 * FAKE_SLOW       how many milliseconds it takes for a message received.
 * FAKE_BROKEN     every question fails as behind a panic.
 */
#ifndef FAKEHELPER_MESSAGES_H
#define FAKEHELPER_MESSAGES_H

#include "ponion.h"

void fake_start(int event_fd);
/* A new sign-on of the account, whose lines are told from now on. */
uint64_t fake_sign_on(uint64_t handle);
int fake_decide(const struct ponion_message *m, struct ponion_reply *r);
int fake_next_line(struct ponion_line *line);
int fake_next_event(struct ponion_event *ev);
/* NULL: not one of these operations. */
char *fake_call(const char *request);

#endif
