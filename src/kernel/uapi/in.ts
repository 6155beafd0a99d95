/**
 * @module Constants of IP sockets, names kept verbatim. A test compares each with the kernel's own headers.
 * @see linux/in.h, linux/in6.h
 */

export const IPPROTO_IPV6 = 41;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_SCTP = 132;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MULTICAST_LOOP = 19;
