/** @module Two containers with a web server each on the default network, with published ports. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import type { Stage } from '../stage.ts';

/** Where the pages of the web servers are on the host, and in each container. */
const PAGES = '/run/www';

/** What answers a request for /: it says who answers, and whom it sees. */
const HELLO = `#!/bin/sh
client=\${REMOTE_ADDR#'[::ffff:'} # an IPv4 address, as a socket of both families writes it (RFC 4291 section 2.5.5.2)
[ "$client" = "$REMOTE_ADDR" ] || client=\${client%]}
printf 'Content-Type: text/plain\\r\\n\\r\\nhello from %s to %s:%s\\n' "$(hostname)" "$client" "$REMOTE_PORT"
`;

/** The command line of a web server in a container. */
export const webServer = (name: string, flags: string): string =>
  `run -d --name ${name} --hostname ${name} ${flags} -v ${PAGES}:/www pontoon/busybox httpd -f -p 80 -h /www`;

export async function showContainers(stage: Stage): Promise<void> {
  mkdirSync(`${PAGES}/cgi-bin`, { recursive: true });
  writeFileSync(`${PAGES}/cgi-bin/index.cgi`, HELLO);
  chmodSync(`${PAGES}/cgi-bin/index.cgi`, 0o755);
  await stage.pontoon(webServer('mynginx1', '-p 9001:80'));
  await stage.docker(webServer('mynginx2', '-p 9002:80'));
  const { stdout: list } = await stage.docker(`ps --format '{{.Names}}  {{.Ports}}'`);
  await stage.pontoon(
    `network inspect bridge --format '{{range .Containers}}{{println .Name .MacAddress .IPv4Address}}{{end}}'`,
  );
  const endpoints = [await stage.endpoint('mynginx1'), await stage.endpoint('mynginx2')];
  const addresses = endpoints.map(({ address }) => address);
  stage.check(
    stage.text.containers.published,
    ['mynginx1  0.0.0.0:9001->80/tcp', 'mynginx2  0.0.0.0:9002->80/tcp'].every((line) => list.includes(line)),
  );
  stage.check(stage.text.containers.addresses, addresses.join(' ') === '172.17.0.2 172.17.0.3');
  stage.check(
    stage.text.containers.macs,
    endpoints.every(({ address, mac }) => mac === readableMac(address)),
  );
}

function readableMac(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}
