/*
 * What wdm.h wants to know of 64-bit Arm: the interrupt request levels ("Managing Hardware
 * Priorities" in the public documentation), and the thread that an inline function of it returns.
 */
#define PASSIVE_LEVEL 0
#define LOW_LEVEL 0
#define APC_LEVEL 1
#define DISPATCH_LEVEL 2
#define HIGH_LEVEL 15

struct _KTHREAD *KeGetCurrentThread(void);
