/**
 * @module The store: what is in it survives, what is wrong with it is said, and a wrong one is left as it is.
 */

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { type Engine, openEngine, PontoonError } from '../../src/index.ts';
import { view } from '../support/kill-inventory.ts';
import { assertWell, openKillLab } from '../support/kill-lab.ts';
import { prepareBase, ROOTS } from '../support/kill-operations.ts';

const OTHER = { dataRoot: '/run/kill/other-data', runRoot: '/run/kill/other-run' } as const;
const FILE = join(OTHER.dataRoot, 'engine.db');

const lab = await openKillLab();
await prepareBase(lab.engine);

test('all that is in it is there again', async () => {
  const { engine } = lab;
  await engine.createSandbox({
    name: 'all',
    hostname: 'host',
    domainname: 'example',
    dns: ['192.0.2.1'],
    extraHosts: [['db', '10.0.0.1']],
    labels: { a: 'b' },
    endpoints: [{ network: 'dual', ipv4: '172.30.0.77', mac: '02:00:00:00:00:05', aliases: ['x'], gatewayPriority: 5 }],
  });
  await engine.createSandbox({
    name: 'idle',
    endpoints: [{ network: 'apart', ports: [{ port: 80, hostPort: 8003 }] }],
  });
  await engine.stopSandbox('idle');
  await engine.createSandbox({ name: 'guest', namespace: { sandbox: 'all' } });
  const before = everything(engine);
  await lab.reopen();
  assert.deepEqual(everything(lab.engine), before);
  await assertWell(lab, 'opened again');
});

test('a power failure takes nothing that was committed', async () => {
  // What has been written and synchronised by now is what the disk would have: the log counts, closing it does not.
  const { engine } = lab;
  await engine.createNetwork({ name: 'late', subnets: [{ subnet: '10.66.0.0/24' }] });
  cpSync(ROOTS.dataRoot, OTHER.dataRoot, { recursive: true });
  using database = new DatabaseSync(FILE);
  const names = database.prepare("SELECT record ->> 'name' AS name FROM networks").all();
  assert.ok(names.some(({ name }) => name === 'late'));
  assert.equal(database.prepare('PRAGMA journal_mode').get()?.journal_mode, 'wal');
  rmSync(OTHER.dataRoot, { recursive: true });
  await engine.removeNetwork('late');
});

test('a host that has been started again has everything again', async () => {
  // What a reboot takes: namespaces, interfaces, rules, settings and the run directory.
  await lab.engine.startSandbox('idle');
  const before = view(lab.engine);
  const sandboxes = lab.engine.listSandboxes();
  await lab.engine.close();
  for (const { namespace, namespacePath } of sandboxes) {
    if (namespace === 'new' && namespacePath !== undefined) await lab.sh('host', `umount ${namespacePath}`);
  }
  rmSync(ROOTS.runRoot, { recursive: true });
  const links = await lab.sh('host', 'ip -o link | cut -d" " -f2 | cut -d: -f1 | cut -d@ -f1');
  for (const link of links.split('\n')) {
    if (link !== 'lo' && link !== 'eth0') await lab.sh('host', `ip link delete ${link} 2>/dev/null || true`);
  }
  await lab.sh('host', 'nft flush ruleset; sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0');
  await lab.reopen();
  assert.deepEqual(view(lab.engine), before);
  await assertWell(lab, 'after the reboot');
});

describe('a store that cannot be used is said to be so, and is left alone:', () => {
  const make = (change: (database: DatabaseSync) => void): void => {
    using original = new DatabaseSync(join(ROOTS.dataRoot, 'engine.db'));
    original.exec(`VACUUM INTO '${FILE}'`);
    using database = new DatabaseSync(FILE);
    database.exec('PRAGMA journal_mode = WAL');
    change(database);
  };
  const cases: [what: string, says: RegExp, make: () => void][] = [
    [
      'of a newer Pontoon',
      /newer Pontoon.*upgrade/,
      () => make((database) => database.exec('PRAGMA user_version = 99')),
    ],
    [
      'that is no database',
      /engine\.db/,
      () => writeFileSync(FILE, 'these are not the bytes of a database\n'.repeat(300)),
    ],
    ['that is a directory', /unable to open/, () => mkdirSync(FILE)],
    [
      'with a record that cannot be read',
      /record/,
      () => make((database) => database.exec("UPDATE networks SET record = '{'")),
    ],
    ['without its tables', /table/, () => make((database) => database.exec('DROP TABLE endpoints'))],
  ];
  for (const [what, says, prepare] of cases) {
    test(what, async () => {
      rmSync(OTHER.dataRoot, { recursive: true, force: true });
      mkdirSync(OTHER.dataRoot);
      prepare();
      const before = contents(OTHER.dataRoot);
      await lab.engine.close();
      const kernel = await lab.sh('host', 'ip -br address; nft list ruleset');
      await assert.rejects(openEngine(OTHER), (error) => {
        assert.ok(PontoonError.is(error, 'store'), String(error));
        assert.match(error.message, says);
        assert.match(error.message, /^[^\n]+: [^\n]+$/);
        return true;
      });
      assert.equal(await lab.sh('host', 'ip -br address; nft list ruleset'), kernel);
      assert.ok(isDeepStrictEqual(contents(OTHER.dataRoot), before), 'not a byte has changed');
      await lab.reopen();
    });
  }
});

/** All that the engine shows, by name. */
function everything(engine: Engine): unknown {
  const all = [...engine.listNetworks(), ...engine.listSandboxes()];
  return JSON.parse(JSON.stringify(all.toSorted((a, b) => (a.name < b.name ? -1 : 1))));
}

/** The files of a directory with their bytes; a directory in it has none. */
function contents(directory: string): [name: string, bytes: string][] {
  return readdirSync(directory, { withFileTypes: true }).map((entry) => {
    return [entry.name, entry.isFile() ? readFileSync(join(directory, entry.name), 'base64') : ''];
  });
}
