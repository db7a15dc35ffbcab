/*
 * Names that wdm.h needs on 64-bit Arm: the interrupt request levels ("Managing Hardware
 * Priorities" in the public documentation), and the function that one of its inline functions
 * calls.
 */
#define PASSIVE_LEVEL 0
#define LOW_LEVEL 0
#define APC_LEVEL 1
#define DISPATCH_LEVEL 2
#define HIGH_LEVEL 15

struct _KTHREAD *KeGetCurrentThread(void);
