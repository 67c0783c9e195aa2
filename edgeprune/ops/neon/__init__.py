"""Kernels that several operators share on 64-bit Arm: NEON, and SDOT where the core has it."""
