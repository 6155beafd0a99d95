/**
 * @module The engine: networks, sandboxes and endpoints, declared here and made true in the kernel.
 *
 * Operations run one after the other, each in one turn of the event loop; between two of them other work gets its
 * turn. An operation writes the desired state durably, then changes the kernel; if the process dies in between, the
 * next `openEngine` mends it. Everything keeps running while no engine does.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PontoonError } from '../errors.ts';
import { AddressSpace, type DefaultPool, Prefix, ulaPrefix } from '../ipam/index.ts';
import { requireEngineFeatures } from '../kernel/features.ts';
import { canonicalAddress } from '../kernel/inet.ts';
import { reserveDescriptors } from '../kernel/process.ts';
import { listAddresses } from '../kernel/rtnetlink/address.ts';
import { Announcer } from './announcer.ts';
import { type Context, Paths } from './context.ts';
import { type DefaultNetworkSpec, redefineDefault } from './default-network.ts';
import { membershipsOf } from './endpoints.ts';
import { EventBell, type EventOptions, followEvents } from './events.ts';
import { byGatewayOrder, type Membership } from './gateway.ts';
import { Host } from './host.ts';
import { Leases } from './leases.ts';
import { type EngineLock, takeLock } from './lock.ts';
import {
  createNetwork,
  DEFAULT_BRIDGE,
  DEFAULT_NETWORK,
  removeNetwork,
  restoreSubnets,
  unusedNetworks,
} from './networks.ts';
import { NoRuleset, Ruleset } from './packet-filter.ts';
import { PortHolder } from './ports.ts';
import { publish, unpublish } from './publishing.ts';
import { reconcile, repairRules } from './reconcile.ts';
import { type DnsDefaults, Resolvers } from './resolvers.ts';
import { RulesWatch } from './rules-watch.ts';
import {
  attachSandbox,
  createSandbox,
  detachSandbox,
  removeSandbox,
  startSandbox,
  stopSandbox,
  updateSandbox,
} from './sandboxes.ts';
import { checkShape } from './shape.ts';
import { State } from './state.ts';
import { type SandboxRecord, Store } from './store.ts';
import type {
  Endpoint,
  EndpointSpec,
  EngineEvent,
  NamespaceSpec,
  Network,
  NetworkSpec,
  PortBinding,
  PortBindingSpec,
  ReconcileReport,
  Sandbox,
  SandboxSpec,
  SandboxUpdate,
  SubnetUsage,
  UnpublishSelector,
} from './types.ts';
import { viewEndpoint, viewNetwork, viewSandbox } from './views.ts';

/** Two for each resolver, one for each held port: enough for thousands of both. */
const DESCRIPTORS = 16_384;

export interface EngineOptions {
  /** What outlives a reboot. Default: /var/lib/pontoon. */
  readonly dataRoot?: string;
  /** What a reboot takes: namespaces' pins, rendered files, the lock. Default: /run/pontoon. */
  readonly runRoot?: string;
  /** Where subnets come from that nobody named. Default: see ipam. */
  readonly pools?: readonly DefaultPool[];
  /**
   * What the default network is like; what is left out stays as it was. It is changed only while none of its sandboxes
   * runs, else `onError` hears of it. False: it is not made.
   */
  readonly defaultNetwork?: DefaultNetworkSpec | false;
  /** For sandboxes that have none of their own. Default: what the host's resolv.conf says. */
  readonly dns?: DnsDefaults;
  /** False makes no rules and removes those of before: no isolation, no masquerade, and nothing can be published. Default: true. */
  readonly packetFilter?: boolean;
  /** False leaves rules that somebody else takes away to the next `reconcile`. Default: they are put back within half a second. */
  readonly guardRules?: boolean;
  /** False leaves it to others to let the host forward packets. Default: true. */
  readonly forwarding?: boolean;
  /** How long to wait for another engine of the same run directory to end. Default: 5000. */
  readonly lockWaitMs?: number;
  /** Failures in the background, such as a resolver's socket. Default: a line on standard error. */
  readonly onError?: (error: Error) => void;
}

/** An endpoint that a new sandbox gets at once. */
export type InitialEndpoint = EndpointSpec & { readonly network: string };

/**
 * Opens the engine: takes its lock, reads the desired state, and makes the kernel equal to it.
 * @throws PontoonError engine-busy, store, no-privilege, feature-missing
 */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  requireEngineFeatures();
  const paths = new Paths(options.runRoot ?? '/run/pontoon');
  await using cleanup = new AsyncDisposableStack();
  const lock = cleanup.use(await takeLock(paths.runRoot, options.lockWaitMs ?? 5000));
  const store = cleanup.use(new Store(join(options.dataRoot ?? '/var/lib/pontoon', 'engine.db')));
  const onError = options.onError ?? ((error) => process.stderr.write(`pontoon: ${error.message}\n`));
  const ula = Prefix.parse(store.setting('ula', () => ulaPrefix(randomBytes(5)).toString()));
  const host = cleanup.use(new Host({ forwarding: options.forwarding ?? true }, onError));
  const hostAddresses = () => new Set(listAddresses(host.rt).map(({ address }) => address.split('/')[0]!));
  const context: Context = {
    paths,
    state: new State(store),
    host,
    space: new AddressSpace({ ula, ...(options.pools === undefined ? {} : { pools: [...options.pools] }) }),
    leases: new Leases(),
    ruleset: cleanup.use(options.packetFilter === false ? new NoRuleset() : new Ruleset({ onError, hostAddresses })),
    ports: cleanup.use(new PortHolder(onError)),
    resolvers: cleanup.use(new Resolvers(paths, onError, options.dns ?? {})),
    announcer: new Announcer(onError),
  };
  cleanup.defer(() => context.host.reaper.settled());
  cleanup.defer(() => context.ruleset.settled());
  cleanup.defer(() => context.ruleset.addressesFree());
  restore(context, options.defaultNetwork || {}, onError);
  await reserveDescriptors(DESCRIPTORS);
  const report = await reconcile(context, { fresh: true });
  for (const line of report.failed) onError(new PontoonError('kernel', line));
  const engine = new Engine(context, store, lock, report);
  await engine.ensurePredefined(options.defaultNetwork ?? {});
  if (context.ruleset.publishes && options.guardRules !== false) engine.guardRules(onError);
  cleanup.move();
  return engine;
}

export class Engine implements AsyncDisposable {
  /** What opening it repaired. */
  readonly opening: ReconcileReport;
  readonly #context: Context;
  readonly #store: Store;
  readonly #lock: EngineLock;
  readonly #bell = new EventBell();
  readonly #closed = new AbortController();
  #rulesWatch: RulesWatch | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** Use `openEngine`. */
  constructor(context: Context, store: Store, lock: EngineLock, opening: ReconcileReport) {
    this.opening = opening;
    this.#context = context;
    this.#store = store;
    this.#lock = lock;
  }

  /** Makes a network. @throws PontoonError name-taken, bad-*, subnet-overlap, pools-full, interface-taken, feature-missing */
  createNetwork(spec: NetworkSpec): Promise<Network> {
    return this.#exclusive(async () => {
      checkShape('network', spec);
      // A bridge on its way out may have the name that this one is to get.
      if (spec.bridgeName !== undefined) await this.#context.host.reaper.settled();
      return createNetwork(this.#context, spec);
    });
  }

  /** Removes a network. @throws PontoonError network-not-found, network-in-use, network-predefined */
  removeNetwork(ref: string): Promise<void> {
    return this.#exclusive(() => removeNetwork(this.#context, this.#network(ref)));
  }

  /** Removes all networks without endpoints, except the predefined ones; returns them. */
  async pruneNetworks(): Promise<Network[]> {
    const removed: Network[] = [];
    for (const { id } of unusedNetworks(this.#context)) {
      await this.#exclusive(() => {
        const network = unusedNetworks(this.#context).find((unused) => unused.id === id);
        if (network === undefined) return;
        removeNetwork(this.#context, network);
        removed.push(network);
      });
    }
    return removed;
  }

  listNetworks(): Network[] {
    return [...this.#context.state.networks];
  }

  /** @throws PontoonError network-not-found */
  inspectNetwork(ref: string): Network & { readonly endpoints: readonly Endpoint[] } {
    return viewNetwork(this.#context, this.#network(ref));
  }

  /** How full the subnets of a network are. @throws PontoonError network-not-found */
  subnetUsage(ref: string): SubnetUsage[] {
    return this.#context.leases.usage(this.#network(ref).id);
  }

  /**
   * Makes a sandbox and attaches it to networks, as one operation.
   * @throws PontoonError; nothing has changed then
   */
  createSandbox(spec: SandboxSpec & { readonly endpoints?: readonly InitialEndpoint[] }): Promise<Sandbox> {
    return this.#exclusive(async () => {
      checkShape('sandbox', spec);
      const { endpoints = [], ...rest } = spec;
      // A new namespace has no interface on its way out.
      if (spec.namespace === undefined) await this.#context.ruleset.addressesFree();
      else await this.#vacated();
      const wanted = endpoints.map(({ network, ...endpoint }) => ({ network: this.#network(network), spec: endpoint }));
      return this.#view(createSandbox(this.#context, rest, wanted));
    });
  }

  /** Ends a sandbox's stack but keeps what it should be. A stopped one stays as it is. @throws PontoonError sandbox-in-use */
  stopSandbox(ref: string): Promise<void> {
    return this.#exclusive(() => stopSandbox(this.#context, this.#sandbox(ref)));
  }

  /** Gives a stopped sandbox a stack again, in `namespace` where given. @throws PontoonError; it is stopped then */
  startSandbox(ref: string, namespace?: NamespaceSpec): Promise<Sandbox> {
    return this.#exclusive(async () => {
      if (namespace !== undefined) checkShape('namespace', namespace);
      await this.#vacated();
      return this.#view(startSandbox(this.#context, this.#sandbox(ref), namespace));
    });
  }

  /** Renames a sandbox, or changes its hostname or its lines of /etc/hosts, live. @throws PontoonError name-taken, bad-* */
  updateSandbox(ref: string, update: SandboxUpdate): Promise<Sandbox> {
    return this.#exclusive(() => {
      checkShape('update', update);
      return this.#view(updateSandbox(this.#context, this.#sandbox(ref), update));
    });
  }

  /** Removes a sandbox with all its endpoints. @throws PontoonError sandbox-not-found, sandbox-in-use */
  removeSandbox(ref: string): Promise<void> {
    return this.#exclusive(() => removeSandbox(this.#context, this.#sandbox(ref)));
  }

  listSandboxes(): Sandbox[] {
    return [...this.#context.state.sandboxes].map((sandbox) => this.#view(sandbox));
  }

  /** @throws PontoonError sandbox-not-found */
  inspectSandbox(ref: string): Sandbox {
    return this.#view(this.#sandbox(ref));
  }

  /** Attaches a sandbox to a network, live. @throws PontoonError; nothing has changed then */
  attach(sandbox: string, network: string, spec: EndpointSpec = {}): Promise<Endpoint> {
    return this.#exclusive(async () => {
      checkShape('endpoint', spec);
      const record = this.#sandbox(sandbox);
      const wanted = { network: this.#network(network), spec };
      await this.#vacated();
      const endpoint = attachSandbox(this.#context, record, wanted);
      return viewEndpoint(this.#context, { endpoint, network: wanted.network }, record);
    });
  }

  /** Takes a sandbox off a network, live. @throws PontoonError endpoint-not-found */
  detach(sandbox: string, network: string): Promise<void> {
    return this.#exclusive(() => {
      const record = this.#sandbox(sandbox);
      detachSandbox(this.#context, record, this.#membership(record, this.#network(network)));
    });
  }

  /**
   * Publishes a port or range of a sandbox, live: on the given network's endpoint, else on that of the default gateway.
   * @throws PontoonError port-taken, ports-full, bad-value; nothing has changed then
   */
  publish(sandbox: string, spec: PortBindingSpec, options: { readonly network?: string } = {}): Promise<PortBinding[]> {
    return this.#exclusive(() => {
      checkShape('port', spec);
      const record = this.#sandbox(sandbox);
      const membership =
        options.network === undefined
          ? this.#publishingMembership(record)
          : this.#membership(record, this.#network(options.network));
      return publish(this.#context, record, membership, spec);
    });
  }

  /** Takes the matching bindings of a sandbox away, live; returns them. @throws PontoonError binding-not-found */
  unpublish(sandbox: string, selector: UnpublishSelector): Promise<PortBinding[]> {
    return this.#exclusive(() => {
      checkShape('unpublish', selector);
      const record = this.#sandbox(sandbox);
      const removed = membershipsOf(this.#context, record.id).flatMap((membership) => {
        const gone = membership.endpoint.ports.filter((binding) => matches(binding, selector));
        if (gone.length > 0) unpublish(this.#context, record, membership, gone);
        return gone;
      });
      if (removed.length > 0) return removed;
      const { port, hostPort, protocol } = selector;
      throw new PontoonError(
        'binding-not-found',
        `sandbox ${record.name} publishes no such port (${hostPort ?? port ?? 'any'}/${protocol ?? 'any'}): inspect it for what it does`,
        {
          subject: record.name,
        },
      );
    });
  }

  /** What happens from now on, or since a time that the ledger still holds. Ends with the signal or the engine. */
  events(options: EventOptions = {}): AsyncIterable<EngineEvent> {
    const signal =
      options.signal === undefined ? this.#closed.signal : AbortSignal.any([options.signal, this.#closed.signal]);
    return followEvents(this.#store, this.#bell, { ...options, signal });
  }

  /** Compares the kernel with the desired state, repairs what differs and removes what nobody owns. */
  reconcile(): Promise<ReconcileReport> {
    return this.#exclusive(async () => {
      await this.#context.host.reaper.settled();
      const report = await reconcile(this.#context);
      await this.#context.host.reaper.settled();
      return report;
    });
  }

  /**
   * Resolves when what goes on in the background is done: new endpoints are announced, the ports of long ranges held,
   * deleted links gone.
   */
  async settled(): Promise<void> {
    await this.#context.ruleset.settled();
    await this.#context.ruleset.addressesFree();
    await this.#context.ports.settled();
    await this.#context.announcer.settled();
    await this.#context.host.reaper.settled();
  }

  /** Ends this engine: no names are served and no ports held until the next one; traffic goes on. May be called twice. */
  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#rulesWatch?.[Symbol.dispose]();
    await this.#turn;
    await this.settled();
    for (const part of [
      this.#context.resolvers,
      this.#context.ports,
      this.#context.ruleset,
      this.#context.host,
      this.#store,
      this.#lock,
    ]) {
      part[Symbol.dispose]();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Puts the rules back when somebody takes them away; `onError` hears who. */
  guardRules(onError: (error: Error) => void): void {
    this.#rulesWatch = new RulesWatch((who) => {
      if (this.#closed.signal.aborted || !this.#context.ruleset.isGone()) return;
      this.#exclusive(() => {
        if (repairRules(this.#context).length === 0) return;
        onError(new PontoonError('kernel', `${who} has removed the table inet pontoon: it is back`));
      }).catch(onError);
    });
  }

  /** Makes the networks that are always there. */
  async ensurePredefined(defaultNetwork: DefaultNetworkSpec | false): Promise<void> {
    const { networks } = this.#context.state;
    if (defaultNetwork !== false && networks.named(DEFAULT_NETWORK) === undefined) {
      await this.createNetwork({ bridgeName: DEFAULT_BRIDGE, ...defaultNetwork, name: DEFAULT_NETWORK });
    }
    for (const name of ['host', 'none'] as const) {
      if (networks.named(name) === undefined) await this.createNetwork({ name, driver: name });
    }
  }

  /** Waits until what is on its way out has gone: the next one may get its name in the stack, or its addresses. */
  async #vacated(): Promise<void> {
    await this.#context.host.reaper.settled();
    await this.#context.ruleset.addressesFree();
  }

  /** Runs an operation when those before it have ended, and after other work had its turn. */
  #exclusive<T>(operation: () => T | Promise<T>): Promise<T> {
    const result = this.#turn.then(nextTurn).then(async () => {
      if (this.#closed.signal.aborted) throw new PontoonError('engine-busy', 'this engine is closed: open another one');
      const done = await operation();
      await this.#context.ruleset.settled();
      return done;
    });
    // Also what failed may have begun, and have told of it.
    const ring = (): void => this.#bell.ring();
    this.#turn = result.then(ring, ring);
    return result;
  }

  #network(ref: string) {
    checkShape('reference', ref, 'network');
    return this.#context.state.networks.find(ref);
  }

  #sandbox(ref: string): SandboxRecord {
    checkShape('reference', ref, 'sandbox');
    return this.#context.state.sandboxes.find(ref);
  }

  #view(sandbox: SandboxRecord): Sandbox {
    return viewSandbox(this.#context, sandbox);
  }

  #membership(sandbox: SandboxRecord, network: Network): Membership {
    const membership = membershipsOf(this.#context, sandbox.id).find((one) => one.network.id === network.id);
    if (membership !== undefined) return membership;
    throw new PontoonError(
      'endpoint-not-found',
      `sandbox ${sandbox.name} is not connected to network ${network.name}: attach it first`,
      {
        subject: sandbox.name,
      },
    );
  }

  #publishingMembership(sandbox: SandboxRecord): Membership {
    const [first] = byGatewayOrder(membershipsOf(this.#context, sandbox.id));
    if (first !== undefined) return first;
    throw new PontoonError(
      'endpoint-not-found',
      `sandbox ${sandbox.name} is on no network: attach it to one before publishing`,
      {
        subject: sandbox.name,
      },
    );
  }
}

/** Builds what the store does not hold from what it does. */
function restore(context: Context, defaultNetwork: DefaultNetworkSpec, onError: (error: Error) => void): void {
  const { state, leases } = context;
  for (const network of state.networks) restoreSubnets(context, network);
  redefineDefault(context, defaultNetwork, onError);
  const owned = [...state.endpoints.values()].map((endpoint) => ({
    endpoint,
    sandbox: state.sandboxes.get(endpoint.sandboxId),
  }));
  const first = owned.toSorted((a, b) => Number(b.sandbox?.running) - Number(a.sandbox?.running));
  for (const { endpoint, sandbox } of first) leases.restore(endpoint, sandbox?.name ?? endpoint.id);
}

function matches(binding: PortBinding, { protocol, hostPort, hostAddress, port }: UnpublishSelector): boolean {
  const inside = (wanted: number | undefined, [first, last]: readonly [number, number]): boolean =>
    wanted === undefined || (wanted >= first && wanted <= last);
  return (
    (protocol === undefined || protocol === binding.protocol) &&
    (hostAddress === undefined || canonicalAddress(hostAddress) === binding.hostAddress) &&
    inside(hostPort, binding.hostPort) &&
    inside(port, binding.port)
  );
}
