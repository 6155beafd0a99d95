/**
 * @module The package `pontoon/observe`: see what a host's networks do, also those that Pontoon never made.
 *
 *   const snapshot = await takeSnapshot();
 *   const question = parseQuestion('docker:web', 'docker:db', { port: 5432 });
 *   console.log(explain(snapshot, question).sentence);
 */
export * from './endpoints/index.ts';
export * from './explain/index.ts';
export * from './snapshot/index.ts';
