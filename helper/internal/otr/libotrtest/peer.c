//go:build libotr

/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <stdlib.h>
#include <string.h>

#include "peer.h"

static const OtrlMessageAppOps ops;

static void
note(struct peer *p, enum note_kind kind, unsigned int code, const void *text,
     size_t len)
{
	struct note *n = calloc(1, sizeof(*n) + len + 1);

	if (n == NULL)
		abort();
	n->kind = kind;
	n->code = code;
	n->len = len;
	n->text = (char *)(n + 1);
	if (len > 0)
		memcpy(n->text, text, len);
	if (p->last != NULL)
		p->last->next = n;
	else
		p->first = n;
	p->last = n;
}

static void
note_text(struct peer *p, enum note_kind kind, unsigned int code,
	  const char *text)
{
	note(p, kind, code, text, text != NULL ? strlen(text) : 0);
}

struct note *
peer_take(struct peer *p)
{
	struct note *n = p->first;

	if (n == NULL)
		return NULL;
	p->first = n->next;
	if (p->first == NULL)
		p->last = NULL;
	return n;
}

gcry_error_t
peer_generate_key(struct peer *p, const char *file, const char *account,
		  const char *protocol)
{
	gcry_error_t err;
	FILE *f;

	if (file != NULL)
		return otrl_privkey_generate(p->us, file, account, protocol);
	f = tmpfile();
	if (f == NULL)
		return gcry_error_from_errno(errno);
	err = otrl_privkey_generate_FILEp(p->us, f, account, protocol);
	fclose(f);
	return err;
}

gcry_error_t
peer_generate_tag(struct peer *p, const char *file, const char *account,
		  const char *protocol)
{
	return otrl_instag_generate(p->us, file != NULL ? file : "/dev/null",
				    account, protocol);
}

static OtrlPolicy
policy_cb(void *data, ConnContext *context)
{
	(void)context;
	return ((struct peer *)data)->policy;
}

static void
create_privkey_cb(void *data, const char *account, const char *protocol)
{
	peer_generate_key(data, NULL, account, protocol);
}

static void
create_instag_cb(void *data, const char *account, const char *protocol)
{
	peer_generate_tag(data, NULL, account, protocol);
}

static int
is_logged_in_cb(void *data, const char *account, const char *protocol,
		const char *recipient)
{
	(void)data;
	(void)account;
	(void)protocol;
	(void)recipient;
	return 1;
}

static void
inject_message_cb(void *data, const char *account, const char *protocol,
		  const char *recipient, const char *message)
{
	(void)account;
	(void)protocol;
	(void)recipient;
	note_text(data, NOTE_LINE, 0, message);
}

static void
new_fingerprint_cb(void *data, OtrlUserState us, const char *account,
		   const char *protocol, const char *user,
		   unsigned char fingerprint[20])
{
	(void)us;
	(void)account;
	(void)protocol;
	(void)user;
	note(data, NOTE_NEW_FINGERPRINT, 0, fingerprint, 20);
}

static void
note_secure(struct peer *p, enum note_kind kind, ConnContext *context)
{
	if (context->active_fingerprint != NULL)
		note(p, kind, context->protocol_version,
		     context->active_fingerprint->fingerprint, 20);
	else
		note(p, kind, context->protocol_version, NULL, 0);
}

static void
gone_secure_cb(void *data, ConnContext *context)
{
	note_secure(data, NOTE_GONE_SECURE, context);
}

static void
gone_insecure_cb(void *data, ConnContext *context)
{
	note_secure(data, NOTE_GONE_INSECURE, context);
}

static void
still_secure_cb(void *data, ConnContext *context, int is_reply)
{
	(void)is_reply;
	note_secure(data, NOTE_STILL_SECURE, context);
}

static int
max_message_size_cb(void *data, ConnContext *context)
{
	(void)context;
	return ((struct peer *)data)->max_size;
}

static void
received_symkey_cb(void *data, ConnContext *context, unsigned int use,
		   const unsigned char *usedata, size_t usedatalen,
		   const unsigned char *symkey)
{
	(void)context;
	(void)usedata;
	(void)usedatalen;
	note(data, NOTE_SYMKEY, use, symkey, OTRL_EXTRAKEY_BYTES);
}

static const char *
otr_error_message_cb(void *data, ConnContext *context, OtrlErrorCode code)
{
	(void)data;
	(void)context;
	switch (code) {
	case OTRL_ERRCODE_ENCRYPTION_ERROR:
		return "Error occurred encrypting message.";
	case OTRL_ERRCODE_MSG_NOT_IN_PRIVATE:
		return "You sent encrypted data, which wasn't expected.";
	case OTRL_ERRCODE_MSG_UNREADABLE:
		return "You transmitted an unreadable encrypted message.";
	case OTRL_ERRCODE_MSG_MALFORMED:
		return "You transmitted a malformed data message.";
	case OTRL_ERRCODE_NONE:
		break;
	}
	return NULL;
}

static void
handle_smp_event_cb(void *data, OtrlSMPEvent event, ConnContext *context,
		    unsigned short percent, char *question)
{
	struct peer *p = data;

	(void)percent;
	note_text(p, NOTE_SMP, event, question);
	/* As message.h asks of a program that was cheated. */
	if (event == OTRL_SMPEVENT_CHEATED || event == OTRL_SMPEVENT_ERROR)
		otrl_message_abort_smp(p->us, &ops, p, context);
}

static void
handle_msg_event_cb(void *data, OtrlMessageEvent event, ConnContext *context,
		    const char *message, gcry_error_t err)
{
	(void)context;
	(void)err;
	note_text(data, NOTE_MESSAGE, event, message);
}

static const OtrlMessageAppOps ops = {
	.policy = policy_cb,
	.create_privkey = create_privkey_cb,
	.is_logged_in = is_logged_in_cb,
	.inject_message = inject_message_cb,
	.new_fingerprint = new_fingerprint_cb,
	.gone_secure = gone_secure_cb,
	.gone_insecure = gone_insecure_cb,
	.still_secure = still_secure_cb,
	.max_message_size = max_message_size_cb,
	.received_symkey = received_symkey_cb,
	.otr_error_message = otr_error_message_cb,
	.handle_smp_event = handle_smp_event_cb,
	.handle_msg_event = handle_msg_event_cb,
	.create_instag = create_instag_cb,
};

int
peer_init(void)
{
	return (int)otrl_init(OTRL_VERSION_MAJOR, OTRL_VERSION_MINOR,
			      OTRL_VERSION_SUB);
}

struct peer *
peer_new(const char *account, const char *protocol, const char *buddy)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort();
	p->us = otrl_userstate_create();
	p->account = strdup(account);
	p->protocol = strdup(protocol);
	p->buddy = strdup(buddy);
	p->instance = OTRL_INSTAG_BEST;
	return p;
}

void
peer_free(struct peer *p)
{
	struct note *n;

	while ((n = peer_take(p)) != NULL)
		free(n);
	otrl_userstate_free(p->us);
	free(p->account);
	free(p->protocol);
	free(p->buddy);
	free(p);
}

gcry_error_t
peer_send(struct peer *p, const char *text, int tlv_type, const void *tlv_data,
	  size_t tlv_len)
{
	OtrlTLV *tlv = NULL;
	char *out = NULL;
	gcry_error_t err;

	if (tlv_data != NULL)
		tlv = otrl_tlv_new((unsigned short)tlv_type,
				   (unsigned short)tlv_len, tlv_data);
	err = otrl_message_sending(p->us, &ops, p, p->account, p->protocol,
				   p->buddy, p->instance, text, tlv, &out,
				   OTRL_FRAGMENT_SEND_ALL, NULL, NULL, NULL);
	/* libotr has nothing to change in it: it goes as it is. */
	if (!err && out == NULL)
		note_text(p, NOTE_LINE, 0, text);
	otrl_message_free(out);
	otrl_tlv_free(tlv);
	return err;
}

int
peer_receive(struct peer *p, const char *line, char **out)
{
	OtrlTLV *tlvs = NULL, *t;
	char *text = NULL;
	int internal;

	internal = otrl_message_receiving(p->us, &ops, p, p->account,
					  p->protocol, p->buddy, line, &text,
					  &tlvs, NULL, NULL, NULL);
	for (t = tlvs; t != NULL; t = t->next)
		note(p, NOTE_TLV, t->type, t->data, t->len);
	otrl_tlv_free(tlvs);
	*out = internal ? NULL : strdup(text != NULL ? text : line);
	otrl_message_free(text);
	return internal;
}

void
peer_end(struct peer *p)
{
	otrl_message_disconnect_all_instances(p->us, &ops, p, p->account,
					      p->protocol, p->buddy);
}

ConnContext *
peer_context(struct peer *p)
{
	return otrl_context_find(p->us, p->buddy, p->account, p->protocol,
				 p->instance, 0, NULL, NULL, NULL);
}

int
peer_smp_start(struct peer *p, const char *question, const char *secret)
{
	const unsigned char *s = (const unsigned char *)secret;
	ConnContext *context = peer_context(p);

	if (context == NULL)
		return -1;
	if (question != NULL)
		otrl_message_initiate_smp_q(p->us, &ops, p, context, question,
					    s, strlen(secret));
	else
		otrl_message_initiate_smp(p->us, &ops, p, context, s,
					  strlen(secret));
	return 0;
}

int
peer_smp_answer(struct peer *p, const char *secret)
{
	ConnContext *context = peer_context(p);

	if (context == NULL)
		return -1;
	otrl_message_respond_smp(p->us, &ops, p, context,
				 (const unsigned char *)secret, strlen(secret));
	return 0;
}

int
peer_smp_abort(struct peer *p)
{
	ConnContext *context = peer_context(p);

	if (context == NULL)
		return -1;
	otrl_message_abort_smp(p->us, &ops, p, context);
	return 0;
}

gcry_error_t
peer_symkey(struct peer *p, unsigned int use, unsigned char *key)
{
	ConnContext *context = peer_context(p);

	if (context == NULL)
		return gcry_error(GPG_ERR_NOT_FOUND);
	return otrl_message_symkey(p->us, &ops, p, context, use, NULL, 0, key);
}

char *
peer_key_number(OtrlPrivKey *key, const char *name)
{
	gcry_sexp_t dsa, found;
	unsigned char *hex = NULL;
	char *out = NULL;
	gcry_mpi_t number;

	/* where libotr looks for them, too */
	dsa = gcry_sexp_find_token(key->privkey, "dsa", 0);
	found = gcry_sexp_find_token(dsa, name, 0);
	gcry_sexp_release(dsa);
	if (found == NULL)
		return NULL;
	number = gcry_sexp_nth_mpi(found, 1, GCRYMPI_FMT_USG);
	gcry_sexp_release(found);
	if (number == NULL)
		return NULL;
	if (!gcry_mpi_aprint(GCRYMPI_FMT_HEX, &hex, NULL, number)) {
		out = strdup((const char *)hex);
		gcry_free(hex);
	}
	gcry_mpi_release(number);
	return out;
}
