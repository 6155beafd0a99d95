/**
 * @module Questions to a container engine over its Unix socket: GET, JSON, bounded in time and size.
 */

import { Agent, request } from 'node:http';

const PATIENCE_MS = 5000;
const ANSWER_MAX_BYTES = 64 * 1024 * 1024;

export class EngineSocket implements Disposable {
  readonly #path: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  constructor(path: string) {
    this.#path = path;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** @throws Error when nobody listens, when the answer is no JSON, is not 200, is too long or takes too long */
  get(path: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      let length = 0;
      const question = request(
        { socketPath: this.#path, path, agent: this.#agent, headers: { host: 'localhost' } },
        (answer) => {
          answer.on('data', (part: Buffer) => {
            parts.push(part);
            length += part.length;
            if (length > ANSWER_MAX_BYTES) question.destroy(new Error(`${path}: more than ${ANSWER_MAX_BYTES} bytes`));
          });
          answer.on('error', reject);
          answer.on('end', () => {
            if (answer.statusCode !== 200) return reject(new Error(`${path}: status ${answer.statusCode}`));
            try {
              resolve(JSON.parse(Buffer.concat(parts).toString()));
            } catch (cause) {
              reject(new Error(`${path}: the answer is not JSON`, { cause }));
            }
          });
        },
      );
      question.setTimeout(PATIENCE_MS, () => question.destroy(new Error(`${path}: no answer in ${PATIENCE_MS} ms`)));
      question.on('error', reject);
      question.end();
    });
  }
}
