import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { snapshotJsonSchema } from '../src/observe/snapshot/json-schema.ts';
import { sampleSnapshot } from './support/sample-snapshot.ts';

const root = join(import.meta.dirname, '..');
const schema = snapshotJsonSchema(readFileSync(join(root, 'src/observe/snapshot/types.ts'), 'utf8'));

test('docs/snapshot.schema.json is that of the code (vitest --update writes it)', async () => {
  await expect(`${JSON.stringify(schema, undefined, 2)}\n`).toMatchFileSnapshot(
    join(root, 'docs/snapshot.schema.json'),
  );
});

test('it is a schema, which a snapshot satisfies, and a damaged one does not', () => {
  const validate = new Ajv2020.default({ strict: true }).compile(schema);
  const { namespaces, ...rest } = sampleSnapshot();
  expect(validate({ namespaces, ...rest }), JSON.stringify(validate.errors)).toBe(true);
  expect(validate(rest)).toBe(false);
  expect(validate({ namespaces: [{ ...namespaces[0], links: [{ name: 'eth0' }] }], ...rest })).toBe(false);
});

test('each thing and nearly each field says what it is', () => {
  const { Namespace, Link } = schema.$defs as Record<string, { properties: Record<string, { description?: string }> }>;
  expect(Link?.properties.peer?.description).toMatch(/other end/);
  expect(Namespace?.properties.rules?.description).toMatch(/order/);
});
