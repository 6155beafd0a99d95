/**
 * @module Starting processes and waiting for them: flags, and the sizes of the C library's opaque structures.
 * @see spawn.h, sys/wait.h, asm-generic/unistd.h
 */

export const POSIX_SPAWN_SETSIGDEF = 0x04;
export const POSIX_SPAWN_SETSIGMASK = 0x08;
export const POSIX_SPAWN_SETSID = 0x80;
export const WNOHANG = 1;
/** These two are the same on all architectures. */
export const SYS_pidfd_send_signal = 424;
export const SYS_pidfd_open = 434;

/** Sizes in bytes, by type. */
export const SPAWN_SIZES = { posix_spawn_file_actions_t: 80, posix_spawnattr_t: 336, sigset_t: 128 } as const;
