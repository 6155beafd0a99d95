/**
 * @module Fails when a folder imports against the layers of the design (docs/architecture.md), and says which rule.
 *
 * The tables below are the rules: what each folder may import from this repository, from npm, and of those parts of
 * Node.js that reach outside the process. A new dependency, or a layer that starts to talk to the network, is thus a
 * line in a table that a reviewer sees.
 *
 * Imports are found by pattern, not by a parser (TypeScript 7 has no stable one): static, type-only and dynamic imports,
 * re-exports, `process.getBuiltinModule` and worker files named by `new URL('./file', import.meta.url)`. An import of
 * something other than a plain string cannot be judged, so it is a violation. Known limit: an import inside `${…}` of a
 * template string is not seen.
 */
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';

interface Layer {
  /** A folder, or one file with rules of its own. The longest path that fits a file is the one that counts. */
  path: string;
  why: string;
  /** What it may import besides itself: folders and files of this repository. */
  imports: readonly string[];
  /** The npm packages that it may import. */
  npm: readonly string[];
  /** Which of GUARDED it may import. */
  node: readonly string[];
}

/** The modules of Node.js that reach outside the process: each layer lists those that it may use. All others are free. */
export const GUARDED = [
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'fs',
  'http',
  'http2',
  'https',
  'net',
  'sqlite',
  'tls',
  'worker_threads',
];

/** From the lowest to the highest: each may import from those before it, less what the design keeps from it. */
export const LAYERS: readonly Layer[] = [
  {
    path: 'src/errors.ts',
    why: 'the error catalogue is below every layer',
    imports: [],
    npm: [],
    node: [],
  },
  {
    path: 'src/text',
    why: 'it reads and tells durations, sizes and the like, and knows nothing else',
    imports: [],
    npm: [],
    node: [],
  },
  {
    path: 'src/kernel',
    why: 'it knows system calls and the kernel, not containers; child_process is for the nft fallback, net for isIP',
    imports: ['src/errors.ts'],
    npm: ['ipaddr.js'],
    node: ['child_process', 'fs', 'net', 'worker_threads'],
  },
  {
    path: 'src/kernel/ffi.ts',
    why: 'every foreign function is declared in this one file, so that koffi can be replaced',
    imports: ['src/errors.ts', 'src/kernel'],
    npm: ['koffi'],
    node: ['fs'],
  },
  {
    path: 'src/ipam',
    why: 'it is arithmetic on addresses: it knows neither netlink nor where a lease is kept',
    imports: ['src/errors.ts'],
    npm: ['ipaddr.js'],
    node: [],
  },
  {
    path: 'src/network',
    why: 'it knows networks and sandboxes, not processes, images or HTTP; net and dgram are for the resolver and held ports',
    imports: ['src/errors.ts', 'src/kernel', 'src/ipam'],
    npm: ['dns-packet', 'ipaddr.js'],
    node: ['dgram', 'fs', 'net', 'sqlite', 'worker_threads'],
  },
  {
    path: 'src/observe',
    why: "it reads the kernel and not the engine's store, so it works on containers that Pontoon never made; http and child_process are to ask their engines",
    imports: ['src/errors.ts', 'src/kernel', 'src/ipam'],
    npm: ['dns-packet', 'ipaddr.js'],
    node: ['child_process', 'fs', 'http', 'worker_threads'],
  },
  {
    path: 'src/container',
    why: 'it runs processes and knows images, not HTTP',
    imports: ['src/errors.ts', 'src/text', 'src/kernel', 'src/ipam', 'src/network', 'src/observe'],
    npm: ['tar-stream'],
    node: ['child_process', 'fs', 'net', 'sqlite', 'worker_threads'],
  },
  {
    path: 'src/api',
    why: 'it speaks HTTP for the layers below and does not know netlink',
    imports: ['src/errors.ts', 'src/text', 'src/ipam', 'src/network', 'src/observe', 'src/container'],
    npm: ['fastify', 'zod'],
    node: ['fs', 'http', 'net'],
  },
  {
    path: 'src/daemon',
    why: 'it is the process that serves the API: configuration, listening, signals, logs, metrics',
    imports: [
      'src/errors.ts',
      'src/text',
      'src/kernel',
      'src/ipam',
      'src/network',
      'src/observe',
      'src/container',
      'src/api',
    ],
    npm: ['fastify', 'pino', 'prom-client', 'zod'],
    node: ['fs', 'http', 'https', 'net', 'tls'],
  },
  {
    path: 'src/cli',
    why: 'it is words on a terminal; the demo runs servers, clients and the commands that it names',
    imports: [
      'src/errors.ts',
      'src/text',
      'src/kernel',
      'src/ipam',
      'src/network',
      'src/observe',
      'src/container',
      'src/api',
      'src/daemon',
    ],
    npm: ['commander'],
    node: ['child_process', 'fs', 'http', 'https', 'net'],
  },
  {
    path: 'src/index.ts',
    why: 'the package `pontoon` is the engine: networks and addresses',
    imports: ['src/errors.ts', 'src/ipam', 'src/network'],
    npm: [],
    node: [],
  },
  {
    path: 'web',
    why: "the dashboard is a client of the API and does not know the server's insides",
    imports: [],
    npm: [],
    node: [],
  },
  {
    path: 'test',
    why: 'tests see every layer, but make system calls through src/kernel like everyone else',
    imports: ['src', 'scripts'],
    npm: ['ajv', 'ajv-formats', 'dns-packet', 'dockerode', 'fast-check', 'ipaddr.js', 'tar-stream', 'vitest', 'yaml'],
    node: GUARDED,
  },
  {
    path: 'bench',
    why: 'a bench measures what users get: it sees every layer and has no dependency of its own',
    imports: ['src', 'test', 'scripts'],
    npm: ['dns-packet'],
    node: GUARDED,
  },
  {
    path: 'scripts',
    why: 'scripts work on the repository and run before anything of it is known to work',
    imports: [],
    npm: [],
    node: GUARDED,
  },
];

/** Parts of a layer that only its own folder and the tests may import. */
export const INTERNAL: readonly { path: string; within: string; why: string }[] = [
  { path: 'src/kernel/ffi.ts', within: 'src/kernel', why: 'outside the kernel layer nobody makes system calls' },
];

/** What a test beside the code may import on top of its layer; and any module of Node.js. */
const FOR_TESTS = { imports: ['test'], npm: ['vitest', 'fast-check'] };

/** One import that a source names. */
interface Import {
  line: number;
  /** The module, or undefined where it is not a plain string. */
  module: string | undefined;
}

const COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/.source;
const TEXT = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/.source;
const COMMENT_OR_TEXT = new RegExp(`${COMMENT}|${TEXT}`, 'g');
const QUOTED = /(?<quote>['"`])(?<module>[^'"`\n$]+)\k<quote>/.source;
const IMPORT = new RegExp(
  [
    // static: import x from 'm', export { x } from 'm', import 'm'
    String.raw`(?<![\w$.])(?:import|export)(?:[\s\w$*{},]*?[\s}*]from)?\s*${QUOTED}`,
    // by call: import('m'), require('m'), getBuiltinModule('m')
    String.raw`(?<![\w$.])(?:import|require)\s*\((?:\s*${QUOTED}\s*[,)])?`,
    String.raw`\bgetBuiltinModule\s*\((?:\s*${QUOTED}\s*\))?`,
    // a worker's file: new URL('./m', import.meta.url)
    String.raw`\bnew\s+URL\(\s*${QUOTED}\s*,\s*import\.meta\.url`,
    // any other text is passed over, with whatever it says about imports
    `(?<text>${TEXT})`,
  ].join('|'),
  'g',
);

/** Every import in a TypeScript source, with its line. */
export function findImports(source: string): Import[] {
  // Comments go first, but not their line ends, so that an import may have comments inside and still counts its line.
  const code = source.replace(COMMENT_OR_TEXT, (match) =>
    match.startsWith('/') ? match.replaceAll(/[^\n]/g, ' ') : match,
  );
  return [...code.matchAll(IMPORT)]
    .filter(({ groups }) => groups?.text === undefined)
    .map((match) => ({
      line: code.slice(0, match.index).split('\n').length,
      module: match.groups?.module,
    }));
}

/** What is wrong with the imports of one file: a line for each, empty when all is well. `file` is relative to the root. */
export function checkImports(file: string, source: string): string[] {
  const layer = layerOf(file);
  if (layer === undefined)
    return [`${file}: belongs to no layer: put it in one, or add the layer to scripts/check-layers.ts`];
  return findImports(source).flatMap(({ line, module }) => {
    const problem = module === undefined ? 'imports something that is not a plain string' : judge(file, layer, module);
    return problem === undefined ? [] : [`${file}:${line}: ${problem}`];
  });
}

function judge(file: string, layer: Layer, module: string): string | undefined {
  const isTest = file.endsWith('.test.ts');
  const refuse = (what: string, allowed: readonly string[]) =>
    `imports ${what}, but ${layer.path} may import ${allowed.length === 0 ? 'none' : `only ${allowed.join(', ')}`} (${layer.why})`;

  if (module.startsWith('.')) {
    const target = join(dirname(file), module);
    const internal = INTERNAL.find(
      ({ path, within }) => target === path && !isWithin(file, within) && !isWithin(file, 'test'),
    );
    if (internal !== undefined) return `imports ${target}, which is internal to ${internal.within}: ${internal.why}`;
    const allowed = [layer.path, ...layer.imports, ...(isTest ? FOR_TESTS.imports : [])];
    return allowed.some((path) => isWithin(target, path)) ? undefined : refuse(target, allowed);
  }
  if (isBuiltin(module)) {
    const name = module.replace(/^node:/, '').split('/')[0] ?? '';
    return isTest || !GUARDED.includes(name) || layer.node.includes(name) ? undefined : refuse(module, layer.node);
  }
  const name = module.split('/', module.startsWith('@') ? 2 : 1).join('/');
  const allowed = isTest ? [...layer.npm, ...FOR_TESTS.npm] : layer.npm;
  return allowed.includes(name) ? undefined : refuse(`the npm package ${name}`, allowed);
}

/** The layer of a file; a test has the layer of what it stands beside. */
function layerOf(file: string): Layer | undefined {
  const source = file.replace(/\.test\.ts$/, '.ts');
  return LAYERS.filter(({ path }) => isWithin(file, path) || source === path).sort(
    (a, b) => b.path.length - a.path.length,
  )[0];
}

function isWithin(file: string, path: string): boolean {
  return file === path || file.startsWith(`${path}/`);
}

if (import.meta.main) {
  const root = dirname(import.meta.dirname);
  const files = globSync('{src,web,test,bench,scripts}/**/*.ts', { cwd: root, exclude: ['**/node_modules/**'] }).sort();
  const problems = files.flatMap((file) => checkImports(file, readFileSync(join(root, file), 'utf8')));
  for (const problem of problems) console.error(problem);
  console.log(`${files.length} files, ${problems.length} imports against the layers`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
