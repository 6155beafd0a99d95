/**
 * @module A trace as a capture file: an interface for each place.
 */

import { encodePcapng } from './pcapng.ts';
import type { TraceResult } from './trace.ts';

export function captureFile({
  captured,
  verdict,
  explanation,
}: Pick<TraceResult, 'captured' | 'verdict' | 'explanation'>): Buffer {
  const places = [...new Map(captured.map(({ event: { label, namespace } }) => [label, namespace]))];
  const indexes = new Map(places.map(([label], index) => [label, index]));
  return encodePcapng(
    places.map(([name, namespace]) => ({ name, description: `in the namespace ${namespace}` })),
    captured.map(({ frame, event }) => ({
      interface: indexes.get(event.label) ?? 0,
      timestampNs: frame.timestampNs,
      bytes: frame.bytes,
      lengthBytes: frame.lengthBytes,
      outgoing: event.direction === 'out',
      comment: `${event.label} ${event.direction}: ${event.kind}`,
    })),
    `pontoon trace: ${verdict}. pontoon explain: ${explanation.verdict}. ${explanation.sentence}`,
  );
}
