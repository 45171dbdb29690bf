// The part of OpenSSL's libssl, and of libcrypto's certificates, that Tessera uses. Of what is installed CTLS alone depends on it.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
