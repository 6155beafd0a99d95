/**
 * @module The Engine API over a Unix socket, the same for Docker's daemon and for Pontoon's.
 */

import { Agent, request } from 'node:http';

export class EngineSocket {
  readonly path: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(path: string) {
    this.path = path;
  }

  /** One call of the API. @throws Error with the daemon's own message for a status of 400 or more */
  call<Result = unknown>(method: string, path: string, body?: unknown): Promise<Result> {
    const binary = body instanceof Uint8Array;
    const payload = body === undefined ? '' : binary ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = {
        'content-type': binary ? 'application/x-tar' : 'application/json',
        'content-length': Buffer.byteLength(payload),
      };
      const options = { socketPath: this.path, agent: this.#agent, method, path, headers };
      const outgoing = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        response.on('end', () => {
          if ((response.statusCode ?? 500) >= 400) {
            return reject(new Error(`${method} ${path}: ${response.statusCode} ${text.trim()}`));
          }
          resolve((text.startsWith('{') && !binary ? JSON.parse(text) : text) as Result);
        });
      });
      outgoing.on('error', (cause) => reject(new Error(`${method} ${path}: ${cause.message}`, { cause })));
      outgoing.end(payload);
    });
  }

  destroy(): void {
    this.#agent.destroy();
  }
}
