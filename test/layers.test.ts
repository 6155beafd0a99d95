/** @module The layers check finds what it must find, and the tables that it reads are themselves in order. */
import { describe, expect, test } from 'vitest';
import { checkImports, findImports, GUARDED, LAYERS } from '../scripts/check-layers.ts';

describe('findImports', () => {
  test.each([
    ["import { a } from './a.ts';", './a.ts'],
    ["import './side-effect.ts';", './side-effect.ts'],
    ["import type { A } from './type.ts';", './type.ts'],
    ['import * as everything from "node:fs";', 'node:fs'],
    ["import a, { type B, c as d } from 'x';", 'x'],
    ["import {\n  a, // the first\n  b, /* the 'second' */\n} from './lines.ts';", './lines.ts'],
    ["import{a}from'tight';", 'tight'],
    ["export { a } from './re-export.ts';", './re-export.ts'],
    ["export * from './all.ts';", './all.ts'],
    ["export * as all from './named.ts';", './named.ts'],
    ["const a = await import('./dynamic.ts');", './dynamic.ts'],
    ["import(\n  './two-lines.ts',\n)", './two-lines.ts'],
    ["type A = import('./in-a-type.ts').A;", './in-a-type.ts'],
    ["const fs = require('node:fs');", 'node:fs'],
    ["process.getBuiltinModule('node:http')", 'node:http'],
    ["new Worker(new URL('./worker.ts', import.meta.url))", './worker.ts'],
    ["const url = 'http://x'; import './after-slashes.ts';", './after-slashes.ts'],
  ])('%s', (source, module) => {
    expect(findImports(source).map((found) => found.module)).toEqual([module]);
  });

  test('an import of what is not a plain string is found, without a name', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a template string
    for (const source of ['import(name)', "import('./a' + b)", 'import(`./${name}.ts`)', 'require(name)']) {
      expect(findImports(source), source).toEqual([{ line: 1, module: undefined }]);
    }
  });

  test('comments, texts and words that look like imports are not imports', () => {
    const source = `
      // import { a } from './comment.ts';
      /* import './comment.ts';
       * import('./comment.ts') */
      const text = "import { a } from './text.ts'";
      const template = \`import './template.ts'\`;
      important('./call.ts'); object.import('./method.ts'); this.require('./method.ts');
      export const from = './value.ts';
      export function f() { return './value.ts'; }`;
    expect(findImports(source)).toEqual([]);
  });

  test('lines are counted, comments included', () => {
    expect(findImports("/**\n * @module x\n */\nimport 'a';\n\nimport 'b';")).toEqual([
      { line: 4, module: 'a' },
      { line: 6, module: 'b' },
    ]);
  });
});

describe('checkImports', () => {
  test.each([
    ['src/ipam/pool.ts', '../network/store.ts', 'imports src/network/store.ts'],
    ['src/ipam/pool.ts', '../kernel/netlink/socket.ts', 'imports src/kernel/netlink/socket.ts'],
    ['src/kernel/link.ts', '../network/driver.ts', 'imports src/network/driver.ts'],
    ['src/observe/snapshot.ts', '../network/store.ts', 'imports src/network/store.ts'],
    ['src/api/server.ts', '../kernel/netlink/socket.ts', 'imports src/kernel/netlink/socket.ts'],
    ['src/network/engine.ts', '../cli/main.ts', 'imports src/cli/main.ts'],
    ['src/network/engine.ts', '../kernel/ffi.ts', 'internal to src/kernel'],
    ['src/errors.ts', './kernel/error.ts', 'imports src/kernel/error.ts'],
    ['src/index.ts', './observe/index.ts', 'imports src/observe/index.ts'],
    ['src/kernel/link.ts', '../../test/kernel/world.ts', 'imports test/kernel/world.ts'],
    ['src/kernel/link.ts', 'koffi', 'imports the npm package koffi'],
    ['src/network/dns.ts', '@scope/name/deep', 'imports the npm package @scope/name'],
    ['src/network/engine.ts', 'vitest', 'imports the npm package vitest'],
    ['test/kernel/a.test.ts', 'koffi', 'imports the npm package koffi'],
    ['src/network/engine.ts', 'node:child_process', 'imports node:child_process'],
    ['src/ipam/pool.ts', 'node:fs/promises', 'imports node:fs/promises'],
  ])('%s must not import %s', (file, module, problem) => {
    const [line, ...more] = checkImports(file, `import '${module}';`);
    expect(line).toContain(`${file}:1: ${problem === 'internal to src/kernel' ? 'imports' : problem}`);
    expect(line).toContain(problem);
    expect(more).toEqual([]);
  });

  test.each([
    ['src/network/engine.ts', '../kernel/link.ts'],
    ['src/network/engine.ts', './store.ts'],
    ['src/network/engine.ts', '../errors.ts'],
    ['src/network/engine.ts', 'node:path'],
    ['src/kernel/ffi.ts', 'koffi'],
    ['src/kernel/link.ts', './ffi.ts'],
    ['src/ipam/pool.test.ts', 'fast-check'],
    ['src/ipam/pool.test.ts', 'node:fs'],
    ['src/ipam/pool.test.ts', '../../test/arbitraries.ts'],
    ['test/kernel/structs.test.ts', '../../src/kernel/ffi.ts'],
  ])('%s may import %s', (file, module) => {
    expect(checkImports(file, `import '${module}';`)).toEqual([]);
  });

  test('a dynamic import counts, and one that cannot be judged is refused', () => {
    expect(checkImports('src/ipam/pool.ts', "await import('../network/store.ts')")).toHaveLength(1);
    expect(checkImports('src/ipam/pool.ts', 'await import(name)')).toHaveLength(1);
  });

  test('a file of no layer is refused', () => {
    expect(checkImports('src/util/helpers.ts', '')).toHaveLength(1);
  });
});

describe('the tables', () => {
  test('each layer imports only from those before it in the list', () => {
    const sources = LAYERS.filter(({ path }) => path.startsWith('src/'));
    for (const [index, { path, imports }] of sources.entries()) {
      const before = sources.slice(0, index).map((layer) => layer.path);
      expect(before, `${path} imports from below it`).toEqual(expect.arrayContaining([...imports]));
    }
  });

  test('each layer gives its reason and guards only what is guarded', () => {
    for (const { path, why, node } of LAYERS) {
      expect(why, path).not.toBe('');
      expect(GUARDED, path).toEqual(expect.arrayContaining([...node]));
    }
  });
});
