/* SPDX-License-Identifier: GPL-3.0-or-later */

/* One user of libotr and one buddy. What libotr says by its callbacks is kept
 * as a queue of notes, which the Go side takes after each call. */

#ifndef LIBOTRTEST_PEER_H
#define LIBOTRTEST_PEER_H

#include <libotr/proto.h>
#include <libotr/message.h>
#include <libotr/privkey.h>
#include <libotr/instag.h>

enum note_kind {
	NOTE_LINE,            /* text: to the wire */
	NOTE_MESSAGE,         /* code: OtrlMessageEvent; text: its message */
	NOTE_SMP,             /* code: OtrlSMPEvent; text: the question */
	NOTE_GONE_SECURE,     /* text: the fingerprint's 20 bytes */
	NOTE_STILL_SECURE,
	NOTE_GONE_INSECURE,
	NOTE_NEW_FINGERPRINT, /* text: its 20 bytes */
	NOTE_SYMKEY,          /* code: the use; text: the key */
	NOTE_TLV,             /* code: the type; text: the data */
};

struct note {
	struct note *next;
	enum note_kind kind;
	unsigned int code;
	size_t len;
	char *text; /* behind the note itself; a NUL more than len */
};

struct peer {
	OtrlUserState us;
	char *account, *protocol, *buddy;
	OtrlPolicy policy;
	int max_size;            /* bytes of a line; 0: no limit */
	otrl_instag_t instance;  /* which instance of the buddy is meant */
	struct note *first, *last;
};

int peer_init(void);
struct peer *peer_new(const char *account, const char *protocol,
		      const char *buddy);
void peer_free(struct peer *p);

/* The first note, which the caller frees by free(), or NULL. */
struct note *peer_take(struct peer *p);

/* Each answers libotr's error. tlv_data may be NULL: no TLV. */
gcry_error_t peer_send(struct peer *p, const char *text, int tlv_type,
		       const void *tlv_data, size_t tlv_len);
/* 1: not for the user; 0: *out is the text, by malloc. */
int peer_receive(struct peer *p, const char *line, char **out);
void peer_end(struct peer *p);
int peer_smp_start(struct peer *p, const char *question, const char *secret);
int peer_smp_answer(struct peer *p, const char *secret);
int peer_smp_abort(struct peer *p);
gcry_error_t peer_symkey(struct peer *p, unsigned int use, unsigned char *key);

/* Make a key for an account. libotr reads the keys again from the file that it
 * wrote: NULL is a temporary one. */
gcry_error_t peer_generate_key(struct peer *p, const char *file,
			       const char *account, const char *protocol);

/* Make an instance tag. NULL: it is not written. */
gcry_error_t peer_generate_tag(struct peer *p, const char *file,
			       const char *account, const char *protocol);

/* The buddy's context for the chosen instance, or NULL. */
ConnContext *peer_context(struct peer *p);

/* NAME of the private key (p, q, g, y, x) as upper-case hexadecimal digits by
 * malloc, or NULL. */
char *peer_key_number(OtrlPrivKey *key, const char *name);

#endif
