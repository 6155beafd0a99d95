/**
 * @module Where the daemon listens, as -H says it. A tcp:// host without client certificates is refused: whoever can
 * speak to the API is root on this machine.
 */

import { PontoonError } from '../errors.ts';

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export type Host =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number; readonly tls: TlsFiles }
  /** A socket that the service manager made: by name or number, or all. */
  | { readonly kind: 'inherited'; readonly name: string };

interface TlsSettings {
  readonly verify: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

const TLS_PORT = 2376;

/** @throws PontoonError bad-value */
export function parseHost(text: string, tls: TlsSettings): Host {
  const [, asked, rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(text) ?? [];
  const scheme = asked ?? (rest.startsWith('/') ? 'unix' : 'tcp');
  if (scheme === 'unix' && rest.startsWith('/')) return { kind: 'unix', path: rest };
  if (scheme === 'fd') return { kind: 'inherited', name: rest === '*' ? '' : rest };
  if (scheme !== 'tcp') throw wrong(text, 'write unix:///PATH, tcp://ADDRESS:PORT or fd://');
  const [, bracketed, plain, port = String(TLS_PORT)] = /^(?:\[([^\]]+)\]|([^:/]*))(?::(\d+))?\/?$/.exec(rest) ?? [];
  const address = bracketed ?? plain;
  if (address === undefined || Number(port) > 65_535) throw wrong(text, 'write tcp://ADDRESS:PORT');
  const { verify, ca, cert, key } = tls;
  if (!verify || !ca || !cert || !key) {
    throw wrong(
      text,
      'whoever can speak to the API is root on this machine, so TCP needs client certificates: ' +
        'give --tlsverify, --tlscacert, --tlscert and --tlskey',
    );
  }
  return { kind: 'tcp', address: address === '' ? '127.0.0.1' : address, port: Number(port), tls: { ca, cert, key } };
}

function wrong(text: string, advice: string): PontoonError {
  return new PontoonError('bad-value', `cannot listen on '${text}': ${advice}`, { subject: text });
}
