/**
 * @module Turns: what is done to one container is done one after the other; containers do not wait for each other.
 */

export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs an operation when those before it have ended, well or not. */
  run<T>(operation: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(operation);
    this.#last = result.then(
      () => {},
      () => {}, // whoever asked for it is told
    );
    return result;
  }

  /** Resolves when nothing is left to do. */
  async settled(): Promise<void> {
    for (let last: unknown; last !== this.#last; ) {
      last = this.#last;
      await last;
    }
  }
}
