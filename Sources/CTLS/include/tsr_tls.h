// TLS by OpenSSL, over memory: this layer never sees a socket. There are two uses.
//
// Between two programs that share a secret: TLS 1.3. Neither end verifies the other's certificate. The master's is made when
// its context is, and nobody keeps it. What tells the ends apart from strangers are the proofs inside the channel, which are
// made over `tsr_tls_export`: an attacker in between has two channels, and the values of the two differ.
//
// To a server of others: TLS 1.2 or 1.3, by a context that verifies. The server proves its name by a certificate.
//
// Ownership: `tsr_tls_context_new` and `tsr_tls_new` allocate, their `_free` frees; a context must outlive its channels.
// A context may be used by several threads at a time, a channel by one.
#ifndef TSR_TLS_H
#define TSR_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tsr_tls_context tsr_tls_context;
typedef struct tsr_tls tsr_tls;

typedef enum {
    // The step is done.
    TSR_TLS_DONE,
    // It needs bytes of the peer that have not arrived.
    TSR_TLS_WAITS,
    // The peer has said that it sends no more.
    TSR_TLS_ENDED,
    // The channel is broken; `tsr_tls_reason` says why.
    TSR_TLS_FAILED,
} tsr_tls_result;

// The bytes of `tsr_tls_export`.
enum { TSR_TLS_EXPORT_BYTE_COUNT = 32 };

// What all channels of one end share. The end that accepts gets a new P-256 key and a certificate that it signs itself.
//
// Returns NULL when OpenSSL refuses, with its reason in `reason`, which holds `reason_byte_count` bytes.
tsr_tls_context *tsr_tls_context_new(bool is_accepting, char *reason, size_t reason_byte_count);

// What all channels to servers of others share. `authorities` is a file of trusted certificates (PEM), or NULL for the
// system's. Returns NULL like `tsr_tls_context_new`, also when the file cannot be read.
tsr_tls_context *tsr_tls_context_new_verifying(const char *authorities, char *reason, size_t reason_byte_count);
void tsr_tls_context_free(tsr_tls_context *context);

// A new channel. Returns NULL when memory is short.
tsr_tls *tsr_tls_new(tsr_tls_context *context);

// A new channel of a verifying context to `server`, a name or an IP address: its handshake fails unless a certificate that
// the context trusts names it. Returns NULL when memory is short.
tsr_tls *tsr_tls_new_to(tsr_tls_context *context, const char *server);
void tsr_tls_free(tsr_tls *channel);

// Lends bytes of the peer to the calls that follow, which take from them. Before the bytes go, lend none: what has not been
// taken by then is lost, so call first until the answer is not TSR_TLS_DONE.
void tsr_tls_lend(tsr_tls *channel, const uint8_t *bytes, size_t byte_count);

// Begins or continues the handshake.
tsr_tls_result tsr_tls_handshake(tsr_tls *channel);

// Decrypts into `bytes`; `read_byte_count` is how many there are.
tsr_tls_result tsr_tls_read(tsr_tls *channel, uint8_t *bytes, size_t byte_count, size_t *read_byte_count);

// Encrypts all of `bytes`, of which there is at least one, into what is sent.
tsr_tls_result tsr_tls_write(tsr_tls *channel, const uint8_t *bytes, size_t byte_count);

// Encrypts the word that this end sends no more.
tsr_tls_result tsr_tls_end(tsr_tls *channel);

// What must be sent to the peer: valid until the next call but `tsr_tls_sent`, which empties it.
const uint8_t *tsr_tls_output(const tsr_tls *channel, size_t *byte_count);
void tsr_tls_sent(tsr_tls *channel);

// The channel's own value (RFC 9266, `tls-exporter`): the same at both ends, and at no third.
//
// Returns false before the handshake is done.
bool tsr_tls_export(tsr_tls *channel, uint8_t value[TSR_TLS_EXPORT_BYTE_COUNT]);

// OpenSSL's words for the last failure.
const char *tsr_tls_reason(const tsr_tls *channel);

#ifdef __cplusplus
}
#endif
#endif
