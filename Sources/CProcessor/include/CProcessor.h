#ifndef TESSERA_CPROCESSOR_H
#define TESSERA_CPROCESSOR_H

/// Whether this processor, and the system on it, can run programs built for x86-64-v3 (AVX2, BMI2, FMA and what belongs to
/// them; System V ABI, "x86-64 micro-architecture levels"). Returns 0 on other architectures.
int tsr_processor_is_x86_64_v3(void);

#endif
