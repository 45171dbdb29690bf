// The part of OpenSSL's libssl, and of libcrypto's certificates, that Tessera uses. CTLS alone depends on it.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
