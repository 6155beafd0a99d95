/**
 * @module The daemon as a service of systemd: sockets that the manager made before us, and how we tell it our state.
 * @see sd_listen_fds(3), sd_notify(3)
 */

import { notifyService } from '../kernel/service-notify.ts';

/** Where the manager's descriptors begin. */
const FIRST = 3;

export interface InheritedSocket {
  readonly fd: number;
  readonly name: string;
}

/** The listening sockets that were made for this process; they are for nobody else, so the variables go. */
export function takeInheritedSockets(env: NodeJS.ProcessEnv = process.env): InheritedSocket[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = env;
  delete env.LISTEN_PID;
  delete env.LISTEN_FDS;
  delete env.LISTEN_FDNAMES;
  if (LISTEN_PID !== String(process.pid)) return [];
  const names = LISTEN_FDNAMES.split(':');
  return Array.from({ length: Number(LISTEN_FDS) }, (_, index) => ({ fd: FIRST + index, name: names[index] ?? '' }));
}

export type ServiceState = 'READY=1' | 'STOPPING=1' | 'RELOADING=1';

/** Tells the manager, where there is one. Type=notify-reload wants to know when a reload began (systemd.service(5)). */
export function tellService(state: ServiceState, env: NodeJS.ProcessEnv = process.env): void {
  const path = env.NOTIFY_SOCKET;
  if (path === undefined || path === '') return;
  const since = state === 'RELOADING=1' ? `\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}` : '';
  notifyService(path, state + since);
}
