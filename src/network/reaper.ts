/**
 * @module The reaper deletes links in the background.
 *
 * Deleting a veth makes the kernel wait for RCU, 14 to 20 ms. So a link that is to go is cut off at once, put into a
 * group, and the group is deleted in one message on another thread; links that come meanwhile share the next message.
 * A crash in between leaves links in the group, which `reap()` at the next start deletes.
 */

import { KernelError } from '../kernel/error.ts';
import { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { deleteLinkGroup, setLink } from '../kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../kernel/uapi/netlink.ts';

/** Links that are to go; next to the group of those that are to stay (drivers/driver.ts). */
export const REAPED_GROUP = 0x706f_6e75;

export class Reaper implements Disposable {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE);
  readonly #tasks = new Set<Promise<void>>();
  #reaping = false;
  #again = false;
  #failure: unknown;

  /** Marks links for deletion and begins. A link that is gone already is fine. `socket` is of the reaper's namespace. */
  delete(socket: NetlinkSocket, links: readonly (number | string)[]): void {
    for (const link of links) {
      try {
        socket.request(setLink(link, { group: REAPED_GROUP }));
      } catch (error) {
        if (!KernelError.isKernel(error, 'ENODEV')) throw error;
      }
    }
    this.reap();
  }

  /** Begins to delete what is in the group. */
  reap(): void {
    this.#again = true;
    if (!this.#reaping) this.run(() => this.#reapAll());
  }

  /** Lets a deletion of another kind go on in the background; `settled` waits for it. */
  run(task: () => Promise<void>): void {
    const running = task()
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#tasks.delete(running));
    this.#tasks.add(running);
  }

  /** Resolves when all that was marked is gone. @throws KernelError of the first deletion that failed since last asked */
  async settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** After `settled`. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  async #reapAll(): Promise<void> {
    this.#reaping = true;
    try {
      while (this.#again) {
        this.#again = false;
        await this.#deleteGroup();
      }
    } finally {
      this.#reaping = false;
    }
  }

  async #deleteGroup(): Promise<void> {
    try {
      await this.#socket.requestAsync(deleteLinkGroup(REAPED_GROUP));
    } catch (error) {
      if (!KernelError.isKernel(error, 'ENODEV')) throw error; // an empty group
    }
  }
}
