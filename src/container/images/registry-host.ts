/**
 * @module Which registry an address of credentials means.
 */

/**
 * 'https://reg.example/v2/' → 'reg.example'. Docker keeps what is for its own registry by the address of an index,
 * 'https://index.HOST/v1/': that means HOST.
 */
export function registryHost(address: string): string {
  const [, host = '', path = ''] = /^(?:https?:\/\/)?([^/]*)(.*)$/i.exec(address) ?? [];
  return /^\/v1\/?$/.test(path) ? host.replace(/^index\./, '') : host;
}
