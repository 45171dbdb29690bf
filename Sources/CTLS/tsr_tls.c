#include "tsr_tls.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A longer output buffer is freed when its bytes are sent.
enum { KEPT_BYTE_COUNT = 4 << 10 };

struct tsr_tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *method;
};

struct tsr_tls {
    SSL *ssl;
    // Bytes of the peer, the caller's.
    const uint8_t *input;
    size_t input_byte_count;
    // Bytes for the peer.
    uint8_t *output;
    size_t output_byte_count;
    size_t output_capacity;
    char reason[160];
};

static void take_reason(char *reason, size_t byte_count) {
    unsigned long code = ERR_get_error();
    const char *words = code == 0 ? NULL : ERR_reason_error_string(code);
    snprintf(reason, byte_count, "%s", words != NULL ? words : "no reason is known");
    ERR_clear_error();
}

// MARK: The channel's bytes

static int input_read(BIO *bio, char *bytes, size_t byte_count, size_t *read_byte_count) {
    tsr_tls *channel = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t count = byte_count < channel->input_byte_count ? byte_count : channel->input_byte_count;
    if (count == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(bytes, channel->input, count);
    channel->input += count;
    channel->input_byte_count -= count;
    *read_byte_count = count;
    return 1;
}

static int output_write(BIO *bio, const char *bytes, size_t byte_count, size_t *written_byte_count) {
    tsr_tls *channel = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t needed;
    if (__builtin_add_overflow(channel->output_byte_count, byte_count, &needed)) return 0;
    if (needed > channel->output_capacity) {
        size_t capacity = channel->output_capacity * 2;
        if (capacity < needed) capacity = needed;
        uint8_t *output = realloc(channel->output, capacity);
        if (output == NULL) return 0;
        channel->output = output;
        channel->output_capacity = capacity;
    }
    memcpy(channel->output + channel->output_byte_count, bytes, byte_count);
    channel->output_byte_count = needed;
    *written_byte_count = byte_count;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int created(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *make_method(void) {
    int index = BIO_get_new_index();
    if (index == -1) return NULL;
    BIO_METHOD *method = BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "tessera");
    if (method == NULL) return NULL;
    if (BIO_meth_set_read_ex(method, input_read) != 1 || BIO_meth_set_write_ex(method, output_write) != 1
        || BIO_meth_set_ctrl(method, control) != 1 || BIO_meth_set_create(method, created) != 1) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

// MARK: Contexts

// A certificate that says nothing: TLS wants one, and nobody reads it.
static X509 *make_certificate(EVP_PKEY *key) {
    X509 *certificate = X509_new();
    if (certificate == NULL) return NULL;
    X509_NAME *name = X509_get_subject_name(certificate);
    const unsigned char *words = (const unsigned char *)"tessera-master";
    if (X509_set_version(certificate, X509_VERSION_3) == 1
        && ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1
        && ASN1_TIME_set_string(X509_getm_notBefore(certificate), "20000101000000Z") == 1
        && ASN1_TIME_set_string(X509_getm_notAfter(certificate), "99991231235959Z") == 1
        && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, words, -1, -1, 0) == 1
        && X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1
        && X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static bool give_certificate(SSL_CTX *ssl) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL) return false;
    X509 *certificate = make_certificate(key);
    bool is_done = certificate != NULL && SSL_CTX_use_certificate(ssl, certificate) == 1
        && SSL_CTX_use_PrivateKey(ssl, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return is_done;
}

static bool configure(SSL_CTX *ssl, bool is_accepting) {
    // Every channel makes its own keys: nothing is resumed.
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1
        && SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1
        && SSL_CTX_set_num_tickets(ssl, 0) == 1
        && SSL_CTX_set_ciphersuites(
               ssl, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1
        && SSL_CTX_set1_groups_list(ssl, "X25519:P-256") == 1 && (!is_accepting || give_certificate(ssl));
}

static bool configure_verifying(SSL_CTX *ssl, const char *authorities) {
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1
        && (authorities == NULL ? SSL_CTX_set_default_verify_paths(ssl) : SSL_CTX_load_verify_file(ssl, authorities)) == 1;
}

// A context without its settings; NULL when memory is short.
static tsr_tls_context *make_context(const SSL_METHOD *method) {
    // By itself OpenSSL removes its algorithms in exit(), while other threads may still encrypt.
    OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
    ERR_clear_error();
    tsr_tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) return NULL;
    context->method = make_method();
    context->ssl = SSL_CTX_new(method);
    if (context->method != NULL && context->ssl != NULL) return context;
    tsr_tls_context_free(context);
    return NULL;
}

// Passes a context on that has its settings; else frees it.
static tsr_tls_context *if_configured(
    bool is_configured, tsr_tls_context *context, char *reason, size_t reason_byte_count) {
    if (is_configured) return context;
    take_reason(reason, reason_byte_count);
    tsr_tls_context_free(context);
    return NULL;
}

tsr_tls_context *tsr_tls_context_new(bool is_accepting, char *reason, size_t reason_byte_count) {
    tsr_tls_context *context = make_context(is_accepting ? TLS_server_method() : TLS_client_method());
    bool is_configured = context != NULL && configure(context->ssl, is_accepting);
    return if_configured(is_configured, context, reason, reason_byte_count);
}

tsr_tls_context *tsr_tls_context_new_verifying(const char *authorities, char *reason, size_t reason_byte_count) {
    tsr_tls_context *context = make_context(TLS_client_method());
    bool is_configured = context != NULL && configure_verifying(context->ssl, authorities);
    return if_configured(is_configured, context, reason, reason_byte_count);
}

void tsr_tls_context_free(tsr_tls_context *context) {
    if (context == NULL) return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->method);
    free(context);
}

// MARK: Channels

tsr_tls *tsr_tls_new(tsr_tls_context *context) {
    ERR_clear_error();
    tsr_tls *channel = calloc(1, sizeof *channel);
    SSL *ssl = SSL_new(context->ssl);
    BIO *bio = BIO_new(context->method);
    if (channel == NULL || ssl == NULL || bio == NULL) {
        BIO_free(bio);
        SSL_free(ssl);
        free(channel);
        ERR_clear_error();
        return NULL;
    }
    channel->ssl = ssl;
    BIO_set_data(bio, channel);
    SSL_set_bio(ssl, bio, bio);
    if (SSL_is_server(ssl))
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return channel;
}

// Has the handshake fail unless the certificate names `server`, and tells the server which of its names is meant.
static bool expect(SSL *ssl, const char *server) {
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    // The names of a certificate are its alternative names alone (RFC 9525).
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, server) == 1) return true;
    return X509_VERIFY_PARAM_set1_host(param, server, 0) == 1 && SSL_set_tlsext_host_name(ssl, server) == 1;
}

tsr_tls *tsr_tls_new_to(tsr_tls_context *context, const char *server) {
    tsr_tls *channel = tsr_tls_new(context);
    if (channel == NULL) return NULL;
    bool is_done = expect(channel->ssl, server);
    ERR_clear_error();
    if (is_done) return channel;
    tsr_tls_free(channel);
    return NULL;
}

void tsr_tls_free(tsr_tls *channel) {
    if (channel == NULL) return;
    SSL_free(channel->ssl);
    free(channel->output);
    free(channel);
}

void tsr_tls_lend(tsr_tls *channel, const uint8_t *bytes, size_t byte_count) {
    channel->input = bytes;
    channel->input_byte_count = byte_count;
}

static tsr_tls_result result_of(tsr_tls *channel, int returned) {
    if (returned > 0) return TSR_TLS_DONE;
    switch (SSL_get_error(channel->ssl, returned)) {
        case SSL_ERROR_WANT_READ: return TSR_TLS_WAITS;
        case SSL_ERROR_ZERO_RETURN: return TSR_TLS_ENDED;
        default: break;
    }
    long verdict = SSL_get_verify_result(channel->ssl);
    if (SSL_get_verify_mode(channel->ssl) != SSL_VERIFY_NONE && verdict != X509_V_OK) {
        const char *words = X509_verify_cert_error_string(verdict);
        snprintf(channel->reason, sizeof channel->reason, "the certificate is not accepted: %s", words);
        ERR_clear_error();
    } else {
        take_reason(channel->reason, sizeof channel->reason);
    }
    return TSR_TLS_FAILED;
}

tsr_tls_result tsr_tls_handshake(tsr_tls *channel) {
    ERR_clear_error();
    return result_of(channel, SSL_do_handshake(channel->ssl));
}

tsr_tls_result tsr_tls_read(tsr_tls *channel, uint8_t *bytes, size_t byte_count, size_t *read_byte_count) {
    ERR_clear_error();
    *read_byte_count = 0;
    return result_of(channel, SSL_read_ex(channel->ssl, bytes, byte_count, read_byte_count));
}

tsr_tls_result tsr_tls_write(tsr_tls *channel, const uint8_t *bytes, size_t byte_count) {
    ERR_clear_error();
    size_t written;
    return result_of(channel, SSL_write_ex(channel->ssl, bytes, byte_count, &written));
}

tsr_tls_result tsr_tls_end(tsr_tls *channel) {
    ERR_clear_error();
    // 0: our word is encrypted, the peer's has not come. Nobody waits for it.
    int returned = SSL_shutdown(channel->ssl);
    return returned == 0 ? TSR_TLS_DONE : result_of(channel, returned);
}

const uint8_t *tsr_tls_output(const tsr_tls *channel, size_t *byte_count) {
    *byte_count = channel->output_byte_count;
    return channel->output;
}

void tsr_tls_sent(tsr_tls *channel) {
    channel->output_byte_count = 0;
    if (channel->output_capacity <= KEPT_BYTE_COUNT) return;
    free(channel->output);
    channel->output = NULL;
    channel->output_capacity = 0;
}

bool tsr_tls_export(tsr_tls *channel, uint8_t value[TSR_TLS_EXPORT_BYTE_COUNT]) {
    static const char label[] = "EXPORTER-Channel-Binding";
    ERR_clear_error();
    bool is_done = SSL_is_init_finished(channel->ssl)
        && SSL_export_keying_material(
               channel->ssl, value, TSR_TLS_EXPORT_BYTE_COUNT, label, sizeof label - 1, NULL, 0, 1) == 1;
    ERR_clear_error();
    return is_done;
}

const char *tsr_tls_reason(const tsr_tls *channel) { return channel->reason; }
