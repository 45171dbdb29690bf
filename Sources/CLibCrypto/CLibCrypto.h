// The part of OpenSSL's libcrypto that Tessera uses. Cryptography alone imports it; CTLS is linked with it.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
