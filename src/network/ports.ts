/**
 * @module Host ports: what a binding asks for, and sockets that hold it.
 *
 * A published port is held by a bound socket in the host's namespace, so that a conflict with any program is an error
 * at once, in both directions. The sockets only hold: the kernel's rules carry the traffic, also while no engine runs.
 * Of a long range that nobody has touched, the sockets are opened in the background.
 * @see docs/decisions/0005-held-ports.md
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { PontoonError } from '../errors.ts';
import { type Errno, KernelError } from '../kernel/error.ts';
import { canonicalAddress } from '../kernel/inet.ts';
import { boundPort, closeSockets, tryBindPorts } from '../kernel/inet-socket.ts';
import { seesBoundSockets, usesPorts } from '../kernel/port-usage.ts';
import type { PortBinding, PortBindingSpec, PortOrRange, Protocol } from './types.ts';

const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

const ANY_PORT = [0, 0] as const;

/** The bindings that a spec asks for, their host ports yet to be held. @throws PontoonError bad-value, bad-address */
export function parsePorts(spec: PortBindingSpec, defaultHostAddress?: string): PortBinding[] {
  const protocol = spec.protocol ?? 'tcp';
  if (!PROTOCOLS.includes(protocol)) throw bad(`protocol '${protocol}'`, 'use tcp, udp or sctp');
  const address = spec.hostAddress ?? defaultHostAddress;
  const base = { protocol, hostAddress: address === undefined ? undefined : canonicalAddress(address) };
  const port = range(spec.port, 'port');
  if (spec.hostPort === undefined) {
    return each(port).map((one) => ({ ...base, port: [one, one], hostPort: ANY_PORT, chosenFrom: ANY_PORT }));
  }
  const hostPort = range(spec.hostPort, 'host port');
  if (size(port) === size(hostPort)) return [{ ...base, port, hostPort }];
  if (size(port) === 1) return [{ ...base, port, hostPort: ANY_PORT, chosenFrom: hostPort }];
  throw bad(
    `${size(hostPort)} host ports for ${size(port)} ports`,
    'give ranges of the same size, or a range of host ports for one port',
  );
}

/** A binding as it was asked for: a host port that was chosen is to be chosen again. */
export function unchosen(binding: PortBinding): PortBinding {
  return binding.chosenFrom === undefined ? binding : { ...binding, hostPort: ANY_PORT };
}

/** Where a binding is on the host. */
export type HostSide = Pick<PortBinding, 'protocol' | 'hostAddress' | 'hostPort'>;

/** '0.0.0.0:8080-8090/tcp', as in messages and lists. */
export function formatHostSide({ protocol, hostAddress, hostPort: [first, last] }: HostSide): string {
  const address = hostAddress === undefined ? '*' : hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress;
  return `${address}:${first === last ? first : `${first}-${last}`}/${protocol}`;
}

/** A range is long from so many ports on: to ask whether somebody has one of them costs as much as to hold so many. */
const LONG_RANGE = 128;
/** How many ports are held in one turn of the event loop in the background: some 0.2 ms. */
const PORTS_A_TURN = 50;

/** The sockets that hold the host ports of all bindings. */
export class PortHolder implements Disposable {
  /** By the very object, not by what it says: a stopped sandbox may have a binding like that of a running one. */
  readonly #held = new Map<PortBinding, number[]>();
  /** Bindings whose ports are free and not all held yet, with the next port to hold. */
  readonly #unfinished = new Map<PortBinding, number>();
  readonly #onError: (error: Error) => void;
  #holding: Promise<void> | undefined;

  /** `onError` hears of ports that another program took in the moment before they were held. */
  constructor(onError: (error: Error) => void) {
    this.#onError = onError;
  }

  /**
   * Holds the host ports of bindings: each its own, or the first free one that it may have.
   * `whoHas` names a binding of ours that has a port. @throws PontoonError port-taken, ports-full; nothing stays held
   */
  hold(wanted: readonly PortBinding[], whoHas: (binding: HostSide) => string | undefined): PortBinding[] {
    const held: PortBinding[] = [];
    try {
      for (const binding of wanted) held.push(binding.direct ? binding : this.#holdFirst(binding, whoHas));
      return held;
    } catch (error) {
      this.release(held);
      throw error;
    }
  }

  /** Holds again what the store says is published; a port that another program took meanwhile is returned. */
  restore(bindings: readonly PortBinding[]): PortBinding[] {
    return bindings.filter((binding) => binding.direct !== true && this.#tryHold(binding) !== undefined);
  }

  /** Gives back what `hold` returned or `restore` held; a binding that is not held is fine. */
  release(bindings: readonly PortBinding[]): void {
    for (const binding of bindings) {
      closeSockets(this.#held.get(binding) ?? []);
      this.#held.delete(binding);
      this.#unfinished.delete(binding);
    }
  }

  /** Resolves when all ports are held. */
  async settled(): Promise<void> {
    await this.#holding;
  }

  [Symbol.dispose](): void {
    for (const fds of this.#held.values()) closeSockets(fds);
    this.#held.clear();
    this.#unfinished.clear();
  }

  #holdFirst(wanted: PortBinding, whoHas: (binding: HostSide) => string | undefined): PortBinding {
    const { protocol, hostAddress } = wanted;
    const candidates = hostPortsOf(wanted);
    let refused: Errno | undefined;
    for (const hostPort of candidates) {
      const binding = { ...wanted, hostPort };
      refused = this.#tryHold(binding);
      if (refused === undefined) return binding;
      if (refused !== 'EADDRINUSE') break;
    }
    const first = { protocol, hostAddress, hostPort: candidates[0]! };
    const side = formatHostSide(first);
    const subject = { subject: side };
    if (refused === 'EADDRNOTAVAIL') {
      throw new PontoonError(
        'bad-address',
        `${hostAddress} is not an address of this host: publish on one of its addresses, or on all`,
        subject,
      );
    }
    if (refused !== 'EADDRINUSE') throw new KernelError('bind', refused ?? 'EINVAL', subject);
    if (candidates.length > 1) {
      throw new PontoonError(
        'ports-full',
        `all ports of the range are already allocated: ${candidates.length} from ${side} on; choose another range`,
        subject,
      );
    }
    const holder = whoHas(first) ?? 'another program of this host';
    throw new PontoonError(
      'port-taken',
      `Bind for ${side} failed: port is already allocated, ${holder} has it: choose another host port`,
      subject,
    );
  }

  /** Holds one binding, and writes into it which port the kernel chose; the errno when it refuses one of its ports. */
  #tryHold(binding: { -readonly [K in keyof PortBinding]: PortBinding[K] }): Errno | undefined {
    const { protocol, hostAddress } = binding;
    const [first, last] = binding.hostPort;
    this.#finish();
    if (last - first >= LONG_RANGE && isUntouched(protocol, hostAddress, first, last)) {
      this.#held.set(binding, []);
      this.#unfinished.set(binding, first);
      this.#holding ??= this.#holdInBackground();
      return undefined;
    }
    const fds = bindHostPorts(protocol, hostAddress, first, last);
    if (typeof fds === 'string') return fds;
    if (first === 0) {
      const chosen = boundPort(fds[0]!);
      binding.hostPort = [chosen, chosen];
    }
    this.#held.set(binding, fds);
    return undefined;
  }

  async #holdInBackground(): Promise<void> {
    for (;;) {
      await nextTurn();
      const [first] = this.#unfinished.keys();
      if (first === undefined) break;
      this.#holdSome(first, PORTS_A_TURN);
    }
    this.#holding = undefined;
  }

  /** Holds now what is not held yet, so that whoever asks next meets it. */
  #finish(): void {
    for (const binding of this.#unfinished.keys()) this.#holdSome(binding, Number.POSITIVE_INFINITY);
  }

  #holdSome(binding: PortBinding, atMost: number): void {
    const { protocol, hostAddress, hostPort } = binding;
    const from = this.#unfinished.get(binding)!;
    const to = Math.min(hostPort[1], from + atMost - 1);
    if (to === hostPort[1]) this.#unfinished.delete(binding);
    else this.#unfinished.set(binding, to + 1);
    try {
      const fds = bindHostPorts(protocol, hostAddress, from, to);
      if (typeof fds === 'string') throw new KernelError('bind', fds);
      this.#held.get(binding)!.push(...fds);
    } catch (cause) {
      const side = formatHostSide({ protocol, hostAddress, hostPort: [from, to] });
      const message = `a port of ${side} is published, but could not be held: publish the range again`;
      this.#onError(new PontoonError('port-taken', message, { cause, subject: side }));
    }
  }
}

/** Which protocols the kernel can be asked about, once known. */
const askable = new Map<Protocol, boolean>();

/** Whether nobody has any of the ports for sure: then to hold them can hardly fail. False where that is not known. */
function isUntouched(protocol: Protocol, hostAddress: string | undefined, first: number, last: number): boolean {
  if (protocol === 'sctp') return false;
  if (!askable.has(protocol)) askable.set(protocol, seesBoundSockets(protocol));
  if (!askable.get(protocol) || usesPorts(protocol, first, last)) return false;
  // Whether the address is one of this host's, the first port says.
  const fds = bindHostPorts(protocol, hostAddress, first, first);
  if (typeof fds === 'string') return false;
  closeSockets(fds);
  return true;
}

/** The host ports to try for a binding, best first. */
function hostPortsOf({ hostPort, chosenFrom }: PortBinding): (readonly [number, number])[] {
  if (chosenFrom === undefined) return [hostPort];
  return chosenFrom[0] === 0 ? [ANY_PORT] : each(chosenFrom).map((one) => [one, one]);
}

/** Sockets that take the ports: of both families at once where no host address is asked for. */
function bindHostPorts(
  protocol: Protocol,
  hostAddress: string | undefined,
  first: number,
  last: number,
): number[] | Errno {
  if (hostAddress !== undefined) return tryBindPorts(protocol, hostAddress, first, last);
  try {
    return tryBindPorts(protocol, '::', first, last, { dualStack: true });
  } catch (error) {
    if (!KernelError.isKernel(error, 'EAFNOSUPPORT')) throw error; // a host without IPv6
    return tryBindPorts(protocol, '0.0.0.0', first, last);
  }
}

function range(value: PortOrRange, what: string): [number, number] {
  const [first, last] = typeof value === 'number' ? [value, value] : value;
  for (const port of [first, last]) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw bad(`${what} ${port}`, 'a port is a whole number from 1 to 65535');
  }
  if (first > last) throw bad(`${what} range ${first}-${last}`, 'give the lower port first');
  return [first, last];
}

function size([first, last]: readonly [number, number]): number {
  return last - first + 1;
}

function each([first, last]: readonly [number, number]): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function bad(what: string, advice: string): PontoonError {
  return new PontoonError('bad-value', `${what} cannot be published: ${advice}`, { subject: what });
}
