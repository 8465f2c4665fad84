#ifndef HEADGATE_COPENSSL_H
#define HEADGATE_COPENSSL_H
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

// Macros as functions.

static inline int headgate_error_reason(unsigned long error) { return ERR_GET_REASON(error); }

static inline int headgate_tls_set_versions(SSL_CTX *context, int least) {
    return SSL_CTX_set_min_proto_version(context, least) && SSL_CTX_set_max_proto_version(context, 0);
}

static inline void headgate_tls_set_modes(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 0);
}

static inline int headgate_tls_set_groups(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list) && (int)SSL_CTX_set_dh_auto(context, 1);
}

static inline int headgate_tls_add_chain(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline int headgate_tls_set_server_name(SSL *tls, const char *name) {
    return (int)SSL_set_tlsext_host_name(tls, name);
}

// RFC 2253, but letters outside ASCII as UTF-8 and not as \XX.
static inline int headgate_print_subject(BIO *sink, const X509 *certificate) {
    return X509_NAME_print_ex(sink, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

static inline const char *headgate_asn1_text(const ASN1_STRING *text, int *count) {
    *count = ASN1_STRING_length(text);
    return (const char *)ASN1_STRING_get0_data(text);
}

// What connections of one loop read from and write to. OpenSSL finds what has been received here, and leaves here what is
// to be sent; it never sees a socket.
typedef struct headgate_tls_port {
    const unsigned char *received;
    size_t received_count;
    unsigned char *sealed;
    size_t sealed_count;
    size_t sealed_capacity;
} headgate_tls_port;

static inline int headgate_tls_port_read(BIO *bio, char *out, int count) {
    headgate_tls_port *port = (headgate_tls_port *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!port || !port->received_count || count <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = port->received_count < (size_t)count ? port->received_count : (size_t)count;
    memcpy(out, port->received, taken);
    port->received += taken;
    port->received_count -= taken;
    return (int)taken;
}

static inline int headgate_tls_port_write(BIO *bio, const char *bytes, int count) {
    headgate_tls_port *port = (headgate_tls_port *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!port || count < 0) return -1;
    size_t needed = port->sealed_count + (size_t)count;
    if (needed > port->sealed_capacity) {
        size_t capacity = port->sealed_capacity ? port->sealed_capacity : 32768;
        while (capacity < needed) capacity *= 2;
        unsigned char *larger = (unsigned char *)realloc(port->sealed, capacity);
        if (!larger) return -1;
        port->sealed = larger;
        port->sealed_capacity = capacity;
    }
    memcpy(port->sealed + port->sealed_count, bytes, (size_t)count);
    port->sealed_count = needed;
    return count;
}

static inline long headgate_tls_port_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static inline int headgate_tls_port_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

// The method of such BIOs; made once, kept for good.
static inline BIO_METHOD *headgate_tls_port_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "headgate");
    if (!method || !BIO_meth_set_read(method, headgate_tls_port_read) || !BIO_meth_set_write(method, headgate_tls_port_write)
        || !BIO_meth_set_ctrl(method, headgate_tls_port_control) || !BIO_meth_set_create(method, headgate_tls_port_create)) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

// SHA-256 over three runs of bytes. By the old functions: the new ones allocate, which costs more than hashing a record.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
static inline void headgate_sha256_of_three(
    const void *first, size_t first_count, const void *second, size_t second_count, const void *third,
    size_t third_count, void *digest) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, first, first_count);
    SHA256_Update(&context, second, second_count);
    SHA256_Update(&context, third, third_count);
    SHA256_Final((unsigned char *)digest, &context);
}
#pragma clang diagnostic pop
#endif
