/**
 * @module The layout of struct epoll_event: packed on x86-64, aligned elsewhere. A test compares it with the headers.
 * @see linux/eventpoll.h EPOLL_PACKED
 */

const PACKED = process.arch === 'x64';

export const EPOLL_EVENT_BYTES = PACKED ? 12 : 16;
/** The offset of `data`. */
export const EPOLL_EVENT_DATA = PACKED ? 4 : 8;
