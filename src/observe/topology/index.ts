/**
 * @module topology: the picture of a host, from a snapshot alone.
 */
export { buildTopology } from './build.ts';
export { drawDot, drawMermaid } from './graphs.ts';
export { drawSvg } from './svg.ts';
export { drawTree } from './tree.ts';
export type { Hub, Interface, Member, Segment, Station, Topology, Uplink } from './types.ts';
