// ISA-L's deflate, inflate and checksums; its erasure codes are of no use here.
#include <stdint.h>
#include <isa-l/crc.h>
#include <isa-l/crc64.h>
#include <isa-l/igzip_lib.h>
