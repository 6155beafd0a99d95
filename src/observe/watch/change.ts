/**
 * @module One line of the ledger: what changed, where, when.
 */

export type ChangeKind =
  | 'namespace'
  | 'link'
  | 'address'
  | 'route'
  | 'rule'
  | 'neighbour'
  | 'fdb'
  | 'table'
  | 'chain'
  | 'filter-rule'
  | 'set'
  | 'element'
  /** Ends a transaction of nftables, and says whose it was. */
  | 'transaction'
  /** The kernel dropped notifications: some changes before this one are missing. */
  | 'overrun';

export interface Change {
  /** ISO 8601, UTC: when it was read, not long after it was. */
  readonly time: string;
  /** The namespace's name: the container's, where it is one's. */
  readonly namespace: string;
  readonly kind: ChangeKind;
  /** 'moved': a MAC at another port, or an address at another MAC. 'failed': a neighbour that did not answer. */
  readonly action: 'added' | 'changed' | 'moved' | 'failed' | 'removed' | 'lost';
  /** The interface's name; null where it is about none. */
  readonly interface: string | null;
  /** In words of the tools that show it. */
  readonly text: string;
}

/** What a namespace's ledger tells; time and namespace are added for all alike. */
export type Noted = Omit<Change, 'time' | 'namespace'>;

/** Columns: time of day, namespace, kind, action, what. */
export function describeChange({ time, namespace, kind, action, interface: name, text }: Change): string {
  const where = name === null || text.startsWith(name) ? '' : `${name}: `;
  const line = [time.slice(11, 23), namespace.padEnd(16), kind.padEnd(11), action.padEnd(7), `${where}${text}`].join(
    '  ',
  );
  // Names come from everywhere: none may steer a terminal.
  return line.replaceAll(/\p{C}/gu, '�');
}
