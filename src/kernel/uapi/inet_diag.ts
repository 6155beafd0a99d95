/**
 * @module Constants of the kernel's socket listing, names kept verbatim. A test compares each with the kernel's own headers.
 * @see linux/sock_diag.h, linux/inet_diag.h, net/tcp_states.h (not exported: the numbers are those of /proc/net/tcp)
 */

export const SOCK_DIAG_BY_FAMILY = 20;
export const INET_DIAG_SKV6ONLY = 11;
export const INET_DIAG_REQ_BYTECODE = 1;
export const INET_DIAG_BC_S_GE = 2;
export const INET_DIAG_BC_S_LE = 3;
