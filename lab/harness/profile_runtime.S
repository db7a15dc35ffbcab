/*
 * What an image with the compiler's counters expects of LLVM's profile runtime, which needs a C
 * library: the symbol that brings the runtime in, and the zero byte in front of the names, which
 * llvm-cov steps over (InstrProfilingPlatformWindows.c of compiler-rt, Apache-2.0 with LLVM
 * exceptions).
 */
        .section .rdata,"dr"
        .globl  __llvm_profile_runtime
__llvm_profile_runtime:
        .long   0

        .section .lprfn$A,"dr"
        .byte   0
