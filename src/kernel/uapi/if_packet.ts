/**
 * @module Constants of packet sockets, names kept verbatim. A test compares each with the kernel's own headers.
 * @see linux/if_packet.h, linux/if_ether.h, linux/filter.h, asm/socket.h
 */

export const SOL_PACKET = 263;
export const PACKET_STATISTICS = 6;
export const PACKET_AUXDATA = 8;

export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;

export const TP_STATUS_CSUMNOTREADY = 0x8;
export const TP_STATUS_VLAN_VALID = 0x10;
export const TP_STATUS_VLAN_TPID_VALID = 0x40;

export const ETH_P_ALL = 0x0003;
export const ETH_P_8021Q = 0x8100;

// asm/socket.h
export const SO_ATTACH_FILTER = 26;
export const SO_RCVBUFFORCE = 33;
export const SO_TIMESTAMPNS_OLD = 35;
