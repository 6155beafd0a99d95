/**
 * @module The reaper deletes links in the background.
 *
 * Deleting a veth makes the kernel wait for RCU, 14 to 20 ms. So a link that is to go is cut off at once, put into a
 * group, and the group is deleted in one message on another thread; links that come meanwhile share the next message.
 * A crash in between leaves links in the group, which `reap()` at the next start deletes.
 */

import type { Errno } from '../kernel/error.ts';
import { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { deleteLinkGroup, setLink } from '../kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../kernel/uapi/netlink.ts';
import { REAPED_GROUP } from './ownership.ts';
import { step } from './step.ts';

export class Reaper implements Disposable {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE);
  readonly #onError: (error: Error) => void;
  readonly #tasks = new Set<Promise<void>>();
  #links: string[] = [];
  #asked = false;
  #reaping = false;

  /** `onError` hears of deletions that failed: the operation that asked for one has long ended. */
  constructor(onError: (error: Error) => void) {
    this.#onError = onError;
  }

  /**
   * Deletes links of the reaper's namespace by name, soon. One that is gone already is fine. Nothing here waits for
   * the kernel's lock: another deletion may be holding it.
   */
  delete(links: readonly string[]): void {
    this.#links.push(...links);
    this.reap();
  }

  /** Begins to delete what is in the group. */
  reap(): void {
    this.#asked = true;
    if (!this.#reaping) this.run(() => this.#reapAll());
  }

  /** Lets a deletion of another kind go on in the background; `settled` waits for it. */
  run(task: () => Promise<void>): void {
    const running = task()
      .catch(this.#onError)
      .finally(() => this.#tasks.delete(running));
    this.#tasks.add(running);
  }

  /** Resolves when all that was marked is gone, or could not be deleted. */
  async settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  /** After `settled`. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  async #reapAll(): Promise<void> {
    this.#reaping = true;
    try {
      while (this.#asked) {
        this.#asked = false;
        const marks = this.#links.map((link) => setLink(link, { group: REAPED_GROUP }));
        this.#links = [];
        step('links: deletion');
        await this.#socket.batchAsync([...marks, deleteLinkGroup(REAPED_GROUP)], GONE);
      }
    } finally {
      this.#reaping = false;
    }
  }
}

/** A link that is not there any more; a group without links. */
const GONE: readonly Errno[] = ['ENODEV'];
